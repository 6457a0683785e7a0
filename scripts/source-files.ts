import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Made by tools, or by running Tollhouse here. */
export const NOT_OURS = new Set(["node_modules", "dist", ".git", ".tollhouse", "data", "coverage", "__pycache__"]);

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Without comments and the content of strings: what a word search may trust. */
  readonly code: string;
  /** Module specifiers of imports, re-exports, `import()` and `new URL("./…", import.meta.url)`. */
  readonly specifiers: readonly string[];
  /** A test, or what only tests use: told by name or folder, or because it imports a test framework. */
  readonly isTest: boolean;
}

/** Every file below a folder of the root, as paths from the root. */
export function listFiles(folder = ""): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) files.push(...listFiles(path));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function readSource(path: string): SourceFile {
  return parseSource(path, readText(path));
}

export function parseSource(path: string, text: string): SourceFile {
  const specifiers = specifiersOf(text);
  const isTest = TEST_PATH.test(path) || specifiers.some((name) => name === "vitest" || name === "fast-check");
  return { path, text, code: withoutComments(text, true), specifiers, isTest };
}

const TEST_PATH = /\.test\.ts$|\/fixtures\/|\/(sample-[^/]+|[^/]+-(suite|fixture|child))\.ts$/;

/**
 * A scanner and no parser: TypeScript 7 has no API for one yet. Knows comments, the three kinds of strings, and regular
 * expressions well enough for formatted code.
 */
const SCANNER =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;

function withoutComments(text: string, withoutStrings: boolean): string {
  return text.replace(SCANNER, (part) => {
    if (part.startsWith("//") || part.startsWith("/*")) return " ";
    if (!withoutStrings) return part;
    // What stands inside `${…}` is code.
    if (part.startsWith("`")) return [...part.matchAll(/\$\{([^}]*)\}/g)].map((match) => `(${match[1]})`).join(" ");
    return part.startsWith("/") ? "/./" : '""';
  });
}

function specifiersOf(text: string): string[] {
  const code = withoutComments(text, false);
  const patterns = [
    /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/g,
    /\bimport\s*["']([^"']+)["']/g,
    /\bimport\s*\(\s*["']([^"']+)["']/g,
    /["'](\.\.?\/[^"'\n]+\.tsx?)["']/g,
  ];
  return [...new Set(patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? "")))];
}

/** Path from the root of what a relative specifier names. */
export function resolveRelative(from: string, specifier: string): string {
  return relative(ROOT, resolve(ROOT, dirname(from), specifier))
    .split(sep)
    .join("/");
}
