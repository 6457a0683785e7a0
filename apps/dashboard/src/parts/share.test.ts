import { expect, test } from "vitest";
import { perMille } from "./share.ts";

test.each([
  ["0.000000000", "10.000000000", 0],
  ["7.500000000", "10.000000000", 750],
  ["9.999999999", "10.000000000", 999],
  ["12.000000000", "10.000000000", 1200],
  ["-1.000000000", "10.000000000", -100],
  ["3", "1000", 3],
  ["0.000000001", "0.000000000", 1000],
  ["0", "0", 0],
  // More than a float can tell apart.
  ["8999999999.999999999", "9000000000.000000000", 999],
])("%s of %s is %i tenths of a percent, never rounded up", (part, whole, share) => {
  expect(perMille(part, whole)).toBe(share);
});
