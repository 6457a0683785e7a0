import { expect, test } from "vitest";
import { anomalyRuleCreateSchema, anomalyRuleUpdateSchema } from "./anomaly-rules.ts";

const rule = { kind: "loop", per: "session", threshold: "5", window_seconds: 60, action: "block" };
const spend = { ...rule, kind: "velocity", threshold: "2.50" };

test("every kind, dimension and action that is named is taken", () => {
  for (const kind of ["loop", "burst"])
    for (const per of ["session", "agent", "user"])
      for (const action of ["alert", "block", "freeze"])
        expect(anomalyRuleCreateSchema.parse({ ...rule, kind, per, action })).toEqual({ ...rule, kind, per, action });
  expect(anomalyRuleCreateSchema.parse(spend)).toEqual(spend);
  expect(anomalyRuleCreateSchema.safeParse({ ...rule, action: "freeze", freeze_seconds: 1 }).success).toBe(true);
});

test.each([
  [{ ...rule, per: "org" }, "per"],
  [{ ...rule, kind: "spike" }, "kind"],
  [{ ...rule, action: "warn" }, "action"],
  [{ ...rule, threshold: 5 }, "threshold"],
  [{ ...rule, threshold: "1" }, "threshold"],
  [{ ...rule, threshold: "2.5" }, "threshold"],
  [{ ...rule, threshold: "-5" }, "threshold"],
  [{ ...rule, threshold: "1e3" }, "threshold"],
  [{ ...rule, threshold: "1000001" }, "threshold"],
  [{ ...spend, threshold: "0" }, "threshold"],
  [{ ...spend, threshold: "0.000" }, "threshold"],
  [{ ...spend, threshold: "0.0000000001" }, "threshold"],
  [{ ...spend, window_seconds: 59 }, "window_seconds"],
  [{ ...rule, window_seconds: 0 }, "window_seconds"],
  [{ ...rule, window_seconds: 1.5 }, "window_seconds"],
  [{ ...rule, window_seconds: 3_601 }, "window_seconds"],
  [{ ...rule, freeze_seconds: 60 }, "freeze_seconds"],
  [{ ...rule, action: "freeze", freeze_seconds: 0 }, "freeze_seconds"],
  [{ ...rule, name: "mine" }, "name"],
])("%j is refused, and says which field: %s", (input, field) => {
  const { error } = anomalyRuleCreateSchema.safeParse(input);
  const [issue] = error?.issues ?? [];
  expect(issue?.code === "unrecognized_keys" ? issue.keys : issue?.path).toEqual([field]);
});

test("what makes another rule cannot be changed", () => {
  for (const field of [{ kind: "burst" }, { per: "user" }])
    expect(anomalyRuleUpdateSchema.safeParse(field).success).toBe(false);
  expect(anomalyRuleUpdateSchema.parse({ freeze_seconds: null })).toEqual({ freeze_seconds: null });
});
