import { expect, test } from "vitest";
import { isDue } from "./nightly-verification.ts";

test.each([
  ["the same morning", [20, 4], [20, 23], false],
  ["before three in the night", [20, 4], [21, 2.9], false],
  ["after three", [20, 4], [21, 3], true],
  ["looked at shortly before three", [21, 2.9], [21, 3], true],
  ["nights were missed", [12, 4], [21, 2], true],
] as const)("a chain is due or not: %s", (_, [day, hour], [toDay, toHour], due) => {
  const at = (days: number, hours: number): number => Date.UTC(2026, 10, days) + hours * 3_600_000;
  expect(isDue(at(day, hour), at(toDay, toHour))).toBe(due);
});
