import { expect, test } from "vitest";
import { CHECKPOINT_ENTRIES, CHECKPOINT_MS, isDue } from "./checkpointer.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const tenant = "00".repeat(16);

test.each([
  ["nothing is there", { size: 0, covered: 0, madeMs: null }, false],
  ["nothing is new", { size: 500, covered: 500, madeMs: NOW - CHECKPOINT_MS }, false],
  ["the chain has begun", { size: 1, covered: 0, madeMs: null }, true],
  ["little is new, and the last one is young", { size: 501, covered: 500, madeMs: NOW - CHECKPOINT_MS + 1 }, false],
  ["little is new, and the last one is a minute old", { size: 501, covered: 500, madeMs: NOW - CHECKPOINT_MS }, true],
  ["999 are new", { size: 500 + CHECKPOINT_ENTRIES - 1, covered: 500, madeMs: NOW }, false],
  ["1,000 are new", { size: 500 + CHECKPOINT_ENTRIES, covered: 500, madeMs: NOW }, true],
  [
    "the chain is shorter than what was signed: whoever makes it will say so",
    { size: 499, covered: 500, madeMs: NOW },
    true,
  ],
])("a checkpoint is due or not: %s", (_, growth, due) => {
  expect(isDue({ tenant, ...growth }, NOW)).toBe(due);
});
