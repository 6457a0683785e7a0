import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { GENERATED_DOCUMENTS } from "./generate-docs.ts";
import { brokenImports, deadFiles, fileRuleBreaks, impureWords } from "./tidy-rules.ts";
import { listFiles, NOT_OURS, parseSource, readSource, readText, ROOT } from "./source-files.ts";

const files = listFiles();
const sources = files.filter((path) => /^(packages|apps|tests|bench|scripts)\/.*\.tsx?$/.test(path)).map(readSource);

describe("what a folder may touch (ARCHITECTURE.md)", () => {
  test("every import is allowed by the table", () => {
    expect(sources.flatMap(brokenImports)).toEqual([]);
  });

  test("the pure packages reach for no clock, chance, network, timer or process", () => {
    expect(sources.flatMap(impureWords)).toEqual([]);
  });

  test.each([
    ["packages/engine/src/a.ts", 'import { x } from "@tollhouse/store";'],
    ["packages/engine/src/a.ts", 'import type { x } from "node:fs";'],
    ["packages/engine/src/a.ts", 'import { readFileSync } from "fs";'],
    ["packages/engine/src/a.ts", 'export * from "../../ledger/src/index.ts";'],
    ["packages/contract/src/a.ts", 'import { x } from "@tollhouse/engine";'],
    ["packages/simulator/src/a.ts", 'import { x } from "@tollhouse/engine";'],
    ["packages/store/src/a.ts", 'const x = await import("@tollhouse/providers");'],
    ["apps/server/src/a.ts", 'import { x } from "@tollhouse/testkit";'],
    ["apps/server/src/a.ts", 'import { x } from "@tollhouse/engine/src/money.ts";'],
    ["apps/server/src/a.ts", 'import { x } from "some-package";'],
    ["apps/server/src/a.test.ts", 'import { x } from "@tollhouse/testkit/src/child-program.ts";'],
    ["apps/server/src/a.ts", 'import { x } from "@tollhouse/testkit/started-tollhouse";'],
    ["packages/testkit/src/a.ts", 'const script = new URL("../../simulator/src/bill.ts", import.meta.url);'],
    ["packages/store/src/a.ts", 'const script = new URL("../../simulator/src/main.ts", import.meta.url);'],
  ])("a planted import is found: %s: %s", (path, text) => {
    expect(brokenImports(parseSource(path, text))).toHaveLength(1);
  });

  test.each([
    "Date.now()",
    "Math.random()",
    "setTimeout(f, 1)",
    'await fetch("x")',
    "process.env",
    "new Date()",
    "`${Date.now()}`",
  ])("a planted impurity is found, and the same words in a comment or text are not: %s", (code) => {
    expect(impureWords(parseSource("packages/engine/src/a.ts", `const x = ${code};`))).toHaveLength(1);
    const harmless = `// ${code}\nconst x = ${JSON.stringify(code)};`;
    expect(impureWords(parseSource("packages/engine/src/a.ts", harmless))).toEqual([]);
  });
});

describe("files", () => {
  test("keep the rules of names, size, exports, focus and paths", () => {
    expect(sources.flatMap(fileRuleBreaks)).toEqual([]);
  });

  test.each([
    ["packages/store/src/utils.ts", ""],
    ["packages/store/src/BigName.ts", ""],
    ["packages/store/src/a.ts", "x;\n".repeat(351)],
    ["packages/store/src/a.ts", "export default 1;"],
    ["packages/store/src/a.test.ts", `test.${"only"}("a", f);`],
    ["packages/store/src/a.test.ts", `describe.${"skip"}("a", f);`],
    ["packages/store/src/a.ts", `const x = "/${"home"}/me/x";`],
    ["packages/store/src/a.ts", `// ${"TO"}${"DO"}: later`],
  ])("a planted break is found in %s", (path, text) => {
    expect(fileRuleBreaks(parseSource(path, text))).toHaveLength(1);
  });

  test("nothing lies about that no entry point reaches", () => {
    expect(deadFiles(sources)).toEqual([]);
  });

  test("a planted dead file is found, also one that only its own test imports", () => {
    const planted = [
      parseSource("packages/engine/src/index.ts", 'export * from "./used.ts";'),
      parseSource("packages/engine/src/used.ts", ""),
      parseSource("packages/engine/src/dead.ts", ""),
      parseSource("packages/engine/src/dead.test.ts", 'import "./dead.ts";'),
    ];
    expect(deadFiles(planted)).toEqual(["packages/engine/src/dead.ts"]);
  });
});

describe("packages", () => {
  const manifests = files.filter((path) => path.endsWith("package.json") && !path.startsWith("sdks/"));

  test.each(manifests)("%s names exact versions only", (path) => {
    const manifest = JSON.parse(readText(path)) as Record<string, Record<string, string> | undefined>;
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        expect(version, `${kind}.${name}`).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  test.each(readdirSync(join(ROOT, "packages")))("packages/%s says in under 60 lines what it owns", (name) => {
    const path = `packages/${name}/README.md`;
    expect(existsSync(join(ROOT, path)), `${path} is there`).toBe(true);
    expect(readText(path).split("\n").length).toBeLessThan(60);
  });
});

describe("the root", () => {
  test("has at most 12 folders, and these documents", () => {
    const visible = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => !entry.name.startsWith("."));
    const folders = visible.filter((entry) => entry.isDirectory() && !NOT_OURS.has(entry.name));
    expect(folders.length).toBeLessThanOrEqual(12);
    const documents = visible.filter((entry) => entry.name.endsWith(".md")).map((entry) => entry.name);
    expect(documents.toSorted()).toEqual([
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "README.md",
      "SECURITY.md",
    ]);
  });
});

describe("documents made from code", () => {
  test.each(Object.entries(GENERATED_DOCUMENTS))("%s is what scripts/generate-docs.ts writes", (path, content) => {
    expect(readText(path)).toBe(content());
  });
});
