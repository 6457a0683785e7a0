import { expect, test } from "vitest";
import { differencesOf } from "./differences.ts";

test("only what changed, field by field, down to the last one", () => {
  const before = { amount: "25.00", mode: "hard", fixed: { team: "search", user: "ada" }, models: ["a", "b"] };
  const after = { amount: "40.00", mode: "hard", fixed: { team: "support", user: "ada" }, models: ["a"] };
  expect(differencesOf(before, after)).toEqual([
    { field: "amount", before: "25.00", after: "40.00" },
    { field: "fixed.team", before: "search", after: "support" },
    { field: "models", before: "a, b", after: "a" },
  ]);
});

test("what was made has no before, what is gone no after; none is not the same as not there", () => {
  expect(differencesOf(null, { name: "x", models: null })).toEqual([
    { field: "name", before: null, after: "x" },
    { field: "models", before: null, after: "none" },
  ]);
  expect(differencesOf({ on: true, at: 0 }, null)).toEqual([
    { field: "on", before: "true", after: null },
    { field: "at", before: "0", after: null },
  ]);
});

test("lists of documents are told by their places", () => {
  expect(differencesOf({ rules: [{ model: "a" }] }, { rules: [{ model: "b" }, { model: "c" }] })).toEqual([
    { field: "rules.0.model", before: "a", after: "b" },
    { field: "rules.1.model", before: null, after: "c" },
  ]);
});
