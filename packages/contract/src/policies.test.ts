import { expect, test } from "vitest";
import { POLICY_BOUNDS, policyCreateSchema, policyVersionSchema } from "./policies.ts";

const LIMIT = { measure: "usd", amount: "1.00", window: "day", mode: "hard" };
const LEAST = { name: "free plan", attach: { plan: "free" }, priority: 0, mode: "enforce" };
const FULL = {
  ...LEAST,
  models: { allow: ["gpt-4o*", "{claude,gemini}-*"], deny: ["*-preview"] },
  providers: { allow: ["openai"] },
  endpoints: { deny: ["images_*"] },
  features: { allow: ["search"] },
  caps: { cost: "0.50", input_tokens: 10_000, output_tokens: 0 },
  limits: [LIMIT, { ...LIMIT, mode: "soft" }, { ...LIMIT, scope: "session", time_zone: "Europe/Berlin" }],
  output_clamp: "forbidden",
  fail_mode: "open",
  on_exceed: { action: "downgrade", model: "gpt-4o-mini" },
  when: "input_tokens > 1000",
};

test.each([
  LEAST,
  FULL,
  { ...LEAST, attach: "default" },
  { ...LEAST, attach: "default", limits: [{ ...LIMIT, scope: "user" }] },
  { ...LEAST, attach: { user: "alice" } },
  { ...LEAST, on_exceed: { action: "alert" } },
])("a policy is taken as it is: %j", (document) => {
  expect(policyCreateSchema.parse(document)).toEqual(document);
  const version = { ...document, id: "pol_01h", version: 2, created_at: "2026-11-21T07:00:00Z" };
  expect(policyVersionSchema.parse(version)).toEqual(version);
});

test.each<[string, object]>([
  ["max_images", { max_images: 1 }],
  ["id", { id: "pol_1" }],
  ["models.only", { models: { only: ["a"] } }],
  ["attach.team", { attach: { user: "a", team: "b" } }],
  ["caps.tokens", { caps: { tokens: 1 } }],
  ["limits.0.id", { limits: [{ ...LIMIT, id: "lim_1" }] }],
  ["on_exceed.model", { on_exceed: { action: "alert", model: "a" } }],
])("an unknown field is named: %s", (field, over) => {
  const names = policyCreateSchema
    .safeParse({ ...LEAST, ...over })
    .error?.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key].join(".")) : [],
    );
  expect(names).toEqual([field]);
});

test.each<[string, object]>([
  ["name", { name: "" }],
  ["name", { name: "x".repeat(POLICY_BOUNDS.nameLength + 1) }],
  ["attach", { attach: {} }],
  ["attach", { attach: { user: "a", plan: "b" } }],
  ["attach", { attach: "all" }],
  ["attach.user", { attach: { user: "" } }],
  ["priority", { priority: 1.5 }],
  ["priority", { priority: POLICY_BOUNDS.priority + 1 }],
  ["mode", { mode: "off" }],
  ["models.allow", { models: { allow: [] } }],
  ["models.deny", { models: { deny: Array.from({ length: POLICY_BOUNDS.globs + 1 }, () => "a") } }],
  ["models.deny.0", { models: { deny: ["x".repeat(POLICY_BOUNDS.globLength + 1)] } }],
  ["models.deny.0", { models: { deny: ["gpt\u0000"] } }],
  ["caps.cost", { caps: { cost: 0.5 } }],
  ["caps.cost", { caps: { cost: "-1" } }],
  ["caps.input_tokens", { caps: { input_tokens: -1 } }],
  ["caps.output_tokens", { caps: { output_tokens: Infinity } }],
  ["limits", { limits: Array.from({ length: POLICY_BOUNDS.limits + 1 }, () => LIMIT) }],
  ["limits.1", { limits: [LIMIT, { ...LIMIT, amount: "2.00" }] }],
  ["limits.0.amount", { limits: [{ ...LIMIT, measure: "tokens", amount: "1.5" }] }],
  ["limits.0.scope", { limits: [{ ...LIMIT, scope: "galaxy" }] }],
  ["limits.0.scope", { attach: "default", limits: [LIMIT] }],
  ["limits.0.time_zone", { limits: [{ ...LIMIT, time_zone: "Mars/Olympus" }] }],
  ["on_exceed.model", { on_exceed: { action: "downgrade" } }],
  ["when", { when: "x".repeat(POLICY_BOUNDS.conditionLength + 1) }],
])("%s is bounded: %j", (field, over) => {
  const issues = policyCreateSchema.safeParse({ ...LEAST, ...over }).error?.issues ?? [];
  expect(issues.map((issue) => issue.path.join("."))).toContain(field);
});

test.each([{ id: "lim_1" }, { id: "pol_" }, { version: 0 }, { created_at: "2026-11-21" }, { created_at: "now" }])(
  "a version says what it is: not %j",
  (over) => {
    const version = { ...LEAST, id: "pol_1", version: 1, created_at: "2026-11-21T07:00:00Z", ...over };
    expect(policyVersionSchema.safeParse(version).success).toBe(false);
  },
);
