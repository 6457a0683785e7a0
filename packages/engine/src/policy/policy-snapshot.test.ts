import type { PolicyVersion } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { PolicyInvalid } from "./policy.ts";
import { compilePolicies, type PolicySnapshot } from "./policy-snapshot.ts";

function policy(id: string, over: Partial<PolicyVersion> = {}): PolicyVersion {
  const head = { id, version: 1, created_at: "2026-01-01T00:00:00Z", name: id, attach: "default" } as const;
  return { ...head, priority: 0, mode: "enforce", ...over };
}

const SUBJECT = { user: "u", feature: "f", plan: "p" };

function idsOf(snapshot: PolicySnapshot, subject: Partial<typeof SUBJECT> = {}): string[] {
  return snapshot.find({ ...SUBJECT, ...subject }).map(({ giver }) => giver.policy);
}

describe("finding", () => {
  test("most specific first, then the higher priority, then the newest, then the greater id", () => {
    const policies = [
      policy("pol_d"),
      policy("pol_p", { attach: { plan: "p" } }),
      policy("pol_f", { attach: { feature: "f" } }),
      policy("pol_u3", { attach: { user: "u" }, priority: -1, created_at: "2026-03-01T00:00:00Z" }),
      policy("pol_u1", { attach: { user: "u" }, created_at: "2026-01-01T00:00:00.500Z" }),
      policy("pol_u2a", { attach: { user: "u" } }),
      policy("pol_u2b", { attach: { user: "u" } }),
      policy("pol_u0", { attach: { user: "u" }, priority: 10 }),
    ];
    const order = ["pol_u0", "pol_u1", "pol_u2b", "pol_u2a", "pol_u3", "pol_f", "pol_p", "pol_d"];
    expect(idsOf(compilePolicies(policies))).toEqual(order);
    expect(idsOf(compilePolicies(policies.toReversed()))).toEqual(order);
  });

  test("names that objects have of their own are names like others", () => {
    const snapshot = compilePolicies([policy("pol_1", { attach: { user: "__proto__" } })]);
    expect(idsOf(snapshot, { user: "__proto__" })).toEqual(["pol_1"]);
    expect(idsOf(snapshot, { user: "constructor" })).toEqual([]);
  });
});

describe("changing", () => {
  test("answers what a new snapshot of the same policies would, and leaves the old one as it is", () => {
    const first = policy("pol_1", { attach: { user: "u" } });
    const second = policy("pol_2", { attach: { user: "u" }, priority: 1 });
    const before = compilePolicies([first, policy("pol_3")], 7);
    const added = before.with(second);
    expect(idsOf(added)).toEqual(["pol_2", "pol_1", "pol_3"]);
    const moved = added.with({ ...second, version: 2, attach: { plan: "p" } });
    expect(idsOf(moved)).toEqual(["pol_1", "pol_2", "pol_3"]);
    expect(moved.byId("pol_2")?.giver.version).toBe(2);
    const gone = moved.without("pol_1");
    expect(idsOf(gone)).toEqual(["pol_2", "pol_3"]);
    expect(gone.byId("pol_1")).toBeUndefined();
    expect(gone.without("pol_1")).toBe(gone);
    expect(idsOf(before)).toEqual(["pol_1", "pol_3"]);
    expect([before, added, moved, gone].map(({ version }) => version)).toEqual([7, 8, 9, 10]);
  });
});

const LIMIT = { measure: "usd", amount: "1", window: "day", mode: "hard" } as const;

test.each<[string, Partial<PolicyVersion>]>([
  ["when", { when: "user ==" }],
  ["models.allow", { models: { allow: ["{a"] } }],
  ["providers.deny", { providers: { deny: ["a}"] } }],
  ["endpoints.deny", { endpoints: { deny: ["chat*", "image_generations"] } }],
  ["limits.0.scope", { limits: [LIMIT] }],
  ["limits.1", { attach: { user: "u" }, limits: [LIMIT, { ...LIMIT, scope: "user" }] }],
  ["limits.1", { attach: { plan: "p" }, limits: [LIMIT, { ...LIMIT, scope: "customer" }] }],
  ["limits.0.amount", { limits: [{ ...LIMIT, scope: "org", measure: "tokens", amount: "1.5" }] }],
  ["caps.cost", { caps: { cost: "1e9" } }],
  ["created_at", { created_at: "yesterday" }],
  ["attach", { attach: {} }],
  ["max_images", { max_images: 3 } as Partial<PolicyVersion>],
])("a document whose %s cannot be read is refused, and named", (field, over) => {
  const compile = (): unknown => compilePolicies([policy("pol_ok"), policy("pol_bad", over)]);
  expect(compile).toThrow(PolicyInvalid);
  expect(compile).toThrow(`pol_bad: ${field}: `);
});

test("a policy given twice, and more attached to one than a call can look at, are refused", () => {
  expect(() => compilePolicies([policy("pol_1"), policy("pol_1", { version: 2 })])).toThrow("pol_1: id: given twice");
  const many = Array.from({ length: 65 }, (_, i) => policy(`pol_${i}`));
  expect(() => compilePolicies(many)).toThrow("at most 64 policies attached to default");
  const full = compilePolicies(many.slice(1));
  expect(() => full.with(policy("pol_0"))).toThrow("at most 64 policies attached to default");
  expect(full.with(policy("pol_5", { version: 2 })).byId("pol_5")?.giver.version).toBe(2);
});

test("more kinds of limits than a call can be counted on are refused; those of one user are not counted for all", () => {
  const zoned = (hours: number, over: Partial<PolicyVersion> = {}): PolicyVersion => {
    const time_zone = `Etc/GMT${hours < 0 ? hours : `+${hours}`}`;
    const limits = (["user", "team", "customer", "service", "agent"] as const).flatMap((scope) =>
      (["usd", "tokens"] as const).map(
        (measure) => ({ scope, measure, window: "day", mode: "hard", amount: "1", time_zone }) as const,
      ),
    );
    return policy(`pol_${hours}`, { attach: { plan: `p${hours}` }, limits, ...over });
  };
  let snapshot = compilePolicies([]);
  for (let hours = -13; hours < 12; hours++) snapshot = snapshot.with(zoned(hours));
  expect(snapshot.slotsOf({})).toHaveLength(250);
  expect(() => snapshot.with(zoned(12))).toThrow("at most 256 different kinds of limits");
  expect(snapshot.with(zoned(12, { mode: "observe" })).slotsOf({})).toHaveLength(250);
  const [usd] = zoned(12).limits ?? [];
  const own = snapshot.with(zoned(12, { attach: { user: "u" }, limits: usd === undefined ? [] : [usd] }));
  expect([own.slotsOf({}).length, own.slotsOf({ user: "u" }).length]).toEqual([250, 251]);
  // What is stored is read as it is, and may only become less.
  const stored = compilePolicies(Array.from({ length: 27 }, (_, i) => zoned(i - 14)));
  expect(stored.with(zoned(12, { version: 2, limits: [] })).slotsOf({})).toHaveLength(260);
  expect(() => stored.with(policy("pol_new", { limits: zoned(13).limits }))).toThrow("at most 256");
});
