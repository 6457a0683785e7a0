// Everything `npm test` checks, each step counted as one test beside those of vitest. Ends with `N passed, N failed`.
//   run-tests.mjs all | unit | long [vitest arguments]     with arguments only vitest runs, on what they select
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { needChromium } from "./need-chromium.mjs";
import { needRedis } from "./need-redis.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "node_modules");

const STEPS = [
  ["format", ["oxfmt/bin/oxfmt", "--check"]],
  ["lint", ["oxlint/bin/oxlint", "--type-aware", "--deny-warnings"]],
  ["types", ["typescript/bin/tsc", "-p", "tsconfig.check.json"]],
  ["types of the dashboard", ["typescript/bin/tsc", "-p", "apps/dashboard"]],
];

const [scope = "all", ...selection] = process.argv.slice(2);
const counts = { passed: 0, failed: 0 };

function runStep(name, [script, ...args]) {
  const startedMs = performance.now();
  const result = spawnSync(process.execPath, [join(BIN, script), ...args], { cwd: ROOT, encoding: "utf8" });
  const passed = result.status === 0;
  counts[passed ? "passed" : "failed"] += 1;
  process.stdout.write(`${passed ? "✓" : "✗"} ${name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)\n`);
  if (!passed) process.stdout.write(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}\n`);
}

/** vitest's own counts come through a file: its standard output stays what a person reads. */
function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), "tollhouse-tests-"));
  const file = join(folder, "counts.json");
  const args = ["run", "--reporter=default", "--reporter=./scripts/closing-line-reporter.ts"];
  if (scope === "unit") args.push("--project=unit");
  const env = {
    ...process.env,
    CLOSING_LINE_FILE: file,
    // A server that is started from its sources takes 1.1 s of CPU then instead of 2.
    NODE_COMPILE_CACHE: join(ROOT, ".tollhouse/compile-cache"),
    ...(scope === "long" ? { TOLLHOUSE_LONG: "1" } : {}),
  };
  const result = spawnSync(process.execPath, [join(BIN, "vitest/vitest.mjs"), ...args, ...selection], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env,
  });
  const counted = readCounts(file);
  rmSync(folder, { recursive: true, force: true });
  counts.passed += counted.passed;
  counts.failed += counted.failed;
  // It ended badly, and no test says why: out of memory, a wrong configuration, nothing selected.
  if (counted.failed === 0 && (result.status !== 0 || counted.passed === 0)) counts.failed += 1;
}

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    process.stdout.write("vitest ended without a count\n");
    return { passed: 0, failed: 0 };
  }
}

/** Unit tests need no service and no browser; all others may. */
function checkPrograms() {
  if (scope === "unit") return;
  for (const [name, missing] of [
    ["redis-server", needRedis()],
    ["chromium", needChromium()],
  ]) {
    if (missing === null) continue;
    counts.failed += 1;
    process.stdout.write(`✗ ${name}: ${missing}\n`);
  }
}

checkPrograms();
if (selection.length === 0) for (const [name, args] of STEPS) runStep(name, args);
runVitest();
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;
