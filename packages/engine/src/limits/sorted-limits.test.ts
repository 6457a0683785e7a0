import { expect, test } from "vitest";
import type { Limit } from "./limit.ts";
import { SortedLimits } from "./sorted-limits.ts";

const limit = (id: string): Limit => ({
  id,
  scope: "org",
  measure: "usd",
  amount: 1n,
  window: "day",
  timeZone: "UTC",
  mode: "hard",
  version: 1,
  derived: false,
});

test.each([0, 1, 2, 3, 100, 101])(
  "finds each of %i limits by its id, in whatever order they came, and no other",
  (size) => {
    const ids = Array.from({ length: size }, (_, n) => `lim_${String((n * 37) % 101).padStart(3, "0")}`);
    const limits = ids.map(limit);
    const sorted = new SortedLimits(limits);
    expect(ids.map((id) => sorted.get(id))).toEqual(limits);
    expect(["", "lim_", "lim_0005", "lim_999", "z"].map((id) => sorted.get(id))).toEqual(Array(5).fill(undefined));
    expect([...sorted].map(([id]) => id)).toEqual(ids.toSorted());
    expect(sorted.size).toBe(size);
  },
);

test("an id that is given twice is refused by name, wherever the two stand", () => {
  expect(() => new SortedLimits(["b", "a", "c", "b"].map(limit))).toThrow("limits: b is given twice");
});
