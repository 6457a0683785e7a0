import { expect, test } from "vitest";
import { CODES, type ReasonCode } from "./codes.ts";
import { DECISION_STEPS, stepsOf } from "./decisions.ts";

const results = (code: ReasonCode | null, allowed: boolean): string[] =>
  stepsOf(code, allowed).map(({ result }) => result);

test("the steps are in order, and a code decides in one of them at most", () => {
  expect(DECISION_STEPS.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const codes = DECISION_STEPS.flatMap((step) => step.codes);
  expect(new Set(codes).size).toBe(codes.length);
});

test.each(DECISION_STEPS.flatMap(({ step, codes }) => codes.map((code) => [code, step] as const)))(
  "%s: the steps before %i passed, those after were not reached, and it alone names the code",
  (code, step) => {
    const steps = stepsOf(code, false);
    expect(steps.map(({ result }) => result)).toEqual(
      DECISION_STEPS.map((row) => (row.step < step ? "passed" : row.step === step ? "blocked" : "not_reached")),
    );
    expect(steps.filter(({ reason_code }) => reason_code !== null)).toMatchObject([{ step, reason_code: code }]);
  },
);

test("a call that was let through passed them all, also where it was cut later", () => {
  expect(new Set(results(null, true))).toEqual(new Set(["passed"]));
  expect(new Set(results("BUDGET_EXCEEDED", true))).toEqual(new Set(["passed"]));
});

test("where a call failed outside the steps, none is claimed to have passed", () => {
  expect(new Set(results("SPOOL_UNAVAILABLE", false))).toEqual(new Set(["not_recorded"]));
});

test.each(Object.entries(CODES))("%s says what to do next, in whole sentences", (_, { next }) => {
  expect(next).toMatch(/^[A-Z].{15,}\.$/);
});
