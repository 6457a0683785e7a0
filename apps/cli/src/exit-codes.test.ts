import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXIT, exitOfStatus } from "./exit-codes.ts";

test("each exit code has one meaning, and stands in docs/cli.md", () => {
  const codes = Object.values(EXIT).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  const text = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
  for (const { code, meaning } of Object.values(EXIT)) expect(text).toContain(`| ${code} | ${meaning} |`);
});

test.each([
  [401, "access"],
  [403, "access"],
  [404, "missing"],
  [409, "conflict"],
  [412, "conflict"],
  [400, "refused"],
  [429, "refused"],
  [451, "refused"],
  [500, "unavailable"],
  [503, "unavailable"],
] as const)("a refusal with status %i is %s", (status, exit) => {
  expect(exitOfStatus(status)).toBe(exit);
});
