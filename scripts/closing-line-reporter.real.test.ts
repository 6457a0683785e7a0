import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROOT } from "./source-files.ts";

let folder = "";
beforeEach(() => {
  // Below the root, so that `vitest` resolves.
  mkdirSync(join(ROOT, ".tollhouse"), { recursive: true });
  folder = mkdtempSync(join(ROOT, ".tollhouse/reporter-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Last line that vitest prints with our reporter, over these files. */
function closingLine(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>): string {
  writeFileSync(join(folder, "vitest.config.mjs"), "export default {}");
  for (const [name, body] of Object.entries(files))
    writeFileSync(join(folder, name), `import { describe, expect, test, beforeAll } from "vitest";\n${body}`);
  const result = spawnSync(
    process.execPath,
    [
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      `--root=${folder}`,
      `--reporter=${join(ROOT, "scripts/closing-line-reporter.ts")}`,
    ],
    { cwd: folder, encoding: "utf8", env: { ...process.env, CI: "", ...env, CLOSING_LINE_FILE: undefined } },
  );
  return result.stdout.trimEnd().split("\n").at(-1) ?? "";
}

const PASSING = 'test("a", () => {}); describe("d", () => { test("b", () => expect(1).toBe(1)); });';

test("passed and failed tests are counted, and what fails outside a test is a failure", () => {
  const files = {
    "a.test.ts": PASSING,
    "b.test.ts": 'test("c", () => expect(1).toBe(2));',
    "c.test.ts": 'import "./not-there.ts"; test("d", () => {});',
    "d.test.ts": 'describe("x", () => { beforeAll(() => { throw new Error("no"); }); test("e", () => {}); });',
    "e.test.ts": 'test("f", () => { void Promise.reject(new Error("left alone")); });',
  };
  // c: the file cannot be loaded; d: its hook; e: passes, and leaves a rejection behind.
  expect(closingLine(files, {})).toBe("3 passed, 4 failed");
});

test("a skipped test fails with CI=true and only then", () => {
  const files = { "a.test.ts": PASSING, "b.test.ts": `test.${"skip"}("c", () => {});` };
  expect(closingLine(files, {})).toBe("2 passed, 0 failed");
  expect(closingLine(files, { CI: "true" })).toBe("2 passed, 1 failed");
});
