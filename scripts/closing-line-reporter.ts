import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Counts what ran. Into the file CLOSING_LINE_FILE names, for run-tests.mjs to add its own steps; without one it prints the
 * closing line itself. Failures outside a test (a file that cannot be loaded, an unhandled rejection) count as failed. With
 * CI=true a skipped test counts as failed and is named: a suite that quietly stopped running proves nothing.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const skippedFails = process.env["CI"] === "true";
    const skipped: string[] = [];
    let passed = 0;
    let failed = unhandled.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    if (skipped.length > 0)
      console.log(`${skipped.length} skipped${skippedFails ? ", which fails with CI=true" : ""}:`);
    for (const name of skipped) console.log(`  ${name}`);
    if (skippedFails) failed += skipped.length;
    const file = process.env["CLOSING_LINE_FILE"];
    if (file === undefined) console.log(`${passed} passed, ${failed} failed`);
    else writeFileSync(file, JSON.stringify({ passed, failed }));
  }
}
