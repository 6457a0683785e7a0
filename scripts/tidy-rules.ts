import { readText, resolveRelative } from "./source-files.ts";
import type { SourceFile } from "./source-files.ts";

/** Packages of ours that a folder may import: the table of ARCHITECTURE.md. A folder that is not here may import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/contract": [],
  "packages/engine": ["contract"],
  "packages/ledger": ["contract"],
  "packages/providers": ["contract"],
  "packages/store": ["contract", "engine", "ledger"],
  // Its bill must be independent of our arithmetic.
  "packages/simulator": ["contract"],
  "apps/server": ["contract", "engine", "ledger", "providers", "store"],
  "apps/dashboard": ["contract", "engine", "ledger", "sdk"],
  "apps/cli": ["contract", "engine", "ledger", "sdk"],
  "apps/vscode": ["contract", "engine", "ledger", "sdk"],
};

/** Tests of a package may use these besides. */
const TESTS_MAY_IMPORT = ["simulator", "testkit"];

const PURE = ["packages/contract", "packages/engine", "packages/ledger", "packages/providers"];

/** Their tests read fixtures and take seeds; nothing of theirs ships. */
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.|process\b(?!:)|globalThis|fetch\s*\(|XMLHttpRequest|WebSocket\()/;

const BUILT_INS = new Set([
  "fs",
  "path",
  "os",
  "crypto",
  "http",
  "https",
  "net",
  "tls",
  "url",
  "util",
  "stream",
  "buffer",
]);

/** Folder a file belongs to: two levels for packages and apps, else one. */
function unitOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "packages" || parts[0] === "apps" ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function isPure(path: string): boolean {
  return PURE.includes(unitOf(path));
}

/** `path: specifier: why` for each import the table forbids. */
export function brokenImports(file: SourceFile): string[] {
  return file.specifiers.flatMap((specifier) => {
    const why = specifier.startsWith(".") ? relativeBreak(file, specifier) : packageBreak(file, specifier);
    return why === null ? [] : [`${file.path}: ${specifier}: ${why}`];
  });
}

function relativeBreak(file: SourceFile, specifier: string): string | null {
  const unit = unitOf(file.path);
  if (!(unit in MAY_IMPORT) && !unit.startsWith("packages/")) return null;
  const target = resolveRelative(file.path, specifier);
  // A program that is started as a process of its own is not imported, and has no name to import it by.
  if (unit === "packages/testkit" && target.endsWith("/src/main.ts")) return null;
  // What is not source (own JSON, Lua, SQL beside src) is the package's own as long as it stays inside.
  return unitOf(target) === unit ? null : "leaves its package; import it by name";
}

function packageBreak(file: SourceFile, specifier: string): string | null {
  const unit = unitOf(file.path);
  const allowed = MAY_IMPORT[unit];
  if (allowed === undefined) return null;
  const own = /^@tollhouse\/([^/]+)(\/.*)?$/.exec(specifier);
  if (own !== null) {
    const name = own[1] ?? "";
    if (own[2] !== undefined && !isExported(name, own[2])) return "reaches inside a package";
    const granted = file.isTest ? [...allowed, ...TESTS_MAY_IMPORT] : allowed;
    return granted.includes(name) ? null : `${unit} may not import ${name}`;
  }
  const builtIn = specifier.startsWith("node:") || BUILT_INS.has(specifier);
  if (builtIn) return isPure(file.path) && !file.isTest ? "a pure package uses no node built-in" : null;
  return file.isTest || isDeclared(unit, specifier) ? null : `not in ${unit}/package.json`;
}

/**
 * A second entry point of a package, for what few users of it want: the whole server of `startedTollhouse`, a Redis client; or for those
 * who want little, as a page that wants no schemas.
 */
function isExported(name: string, subpath: string): boolean {
  const manifest = JSON.parse(readText(`packages/${name}/package.json`)) as { readonly exports: object };
  return `.${subpath}` in manifest.exports;
}

/** npm's flat node_modules resolve what nobody declared, until somebody else's dependency goes away. */
function isDeclared(unit: string, specifier: string): boolean {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const manifest = JSON.parse(readText(`${unit}/package.json`)) as Record<string, object | undefined>;
  return ["dependencies", "optionalDependencies", "devDependencies"].some((kind) => name in (manifest[kind] ?? {}));
}

/** Words of clock, chance, network, timers and process in a pure package. */
export function impureWords(file: SourceFile): string[] {
  if (!isPure(file.path) || file.isTest) return [];
  const found = IMPURE.exec(file.code);
  return found === null ? [] : [`${file.path}: ${found[0]}`];
}

const BANNED_NAMES = /^(utils?|helpers?|common|shared|types?|lib|managers?|misc)$/;
const LINES_MAX = 350;
/** Tables: long because there is much of it, not because much happens. */
const TABLES = [
  /^packages\/contract\/src\/operations\.ts$/,
  /^packages\/contract\/src\/codes\.ts$/,
  /^packages\/engine\/src\/pricing\/own-rows\.ts$/,
  /\/fixtures\//,
];

/** Breaks of the rules that one file alone can keep or break. */
export function fileRuleBreaks(file: SourceFile): string[] {
  const { path, text, code } = file;
  const name = (path.split("/").at(-1) ?? "").replace(/(\.[a-z]+)*\.tsx?$/, "");
  const inProduct = /^(packages|apps)\//.test(path);
  const rules: readonly (readonly [broken: boolean, why: string])[] = [
    [BANNED_NAMES.test(name), "has not been named yet"],
    [!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name), "file names are kebab-case"],
    [path.split("/").some((part) => BANNED_NAMES.test(part)), "lies in a folder that has not been named yet"],
    [
      text.split("\n").length - 1 > LINES_MAX && !file.isTest && !TABLES.some((table) => table.test(path)),
      `longer than ${LINES_MAX} lines`,
    ],
    [inProduct && !path.startsWith("apps/dashboard/") && /\bexport\s+default\b/.test(code), "default export"],
    [/\b(test|it|describe|suite)(\.\w+)*\.(only|skip|todo)\b/.test(code), "a test that is focused or skipped"],
    [
      /["'`(\s](\/home\/|\/Users\/|\/root\/|\/work\/|\/workspace)|C:\\\\Users/.test(text),
      "a path of somebody's machine",
    ],
    [/\b(TODO|FIXME|XXX|HACK)\b/.test(text) && !path.startsWith("scripts/tidy"), "unfinished"],
  ];
  return rules.filter(([broken]) => broken).map(([, why]) => `${path}: ${why}`);
}

/** What is run and not imported. */
const ENTRY_POINTS = [
  /\/src\/(index|main)\.tsx?$/,
  /^packages\/(contract\/src\/control-client|store\/src\/counters\/redis\/redis-counters)\.ts$/,
  /\/vite\.config\.ts$/,
  /\.test\.ts$/,
  /^(scripts|bench|tests)\//,
  /-worker\.ts$/,
];

/** Source files that no entry point reaches. A file that only tests reach is dead too: they prove what nobody runs. */
export function deadFiles(sources: readonly SourceFile[]): string[] {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = sources.filter(
    (file) => !file.path.endsWith(".test.ts") && ENTRY_POINTS.some((entry) => entry.test(file.path)),
  );
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file.path)) continue;
    reached.add(file.path);
    for (const specifier of file.specifiers.filter((text) => text.startsWith("."))) {
      const target = byPath.get(resolveRelative(file.path, specifier));
      if (target !== undefined) waiting.push(target);
    }
  }
  return sources
    .filter((file) => /^(packages|apps)\/[^/]+\/src\//.test(file.path) && !file.isTest && !reached.has(file.path))
    .map((file) => file.path);
}
