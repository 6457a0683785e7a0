import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { derivedLimitId } from "../limits/derived-limit-id.ts";
import { createLimitSnapshot } from "../limits/limit-snapshot.ts";
import type { Limit } from "../limits/limit.ts";
import { mergeLimits, policyLimits } from "./policy-limits.ts";
import { compilePolicies } from "./policy-snapshot.ts";
import { type PolicyCall, resolve } from "./resolve.ts";

const CALL: PolicyCall = {
  dimensions: { user: "alice", session: "s1", customer: "acme", team: "t1" },
  plan: "pro",
  model: "gpt-4o",
  provider: "openai",
  endpoint: "chat_completions",
  key: "key_1",
  estimatedCost: 1n,
  inputTokens: 1,
  outputTokens: 1,
};

function policy(document: Partial<PolicyVersion>): PolicyVersion {
  const head = { id: "pol_1", version: 3, created_at: "2026-01-01T00:00:00Z", name: "all", attach: "default" } as const;
  return { ...head, priority: 0, mode: "enforce", ...document };
}

function limitsOf(documents: readonly Partial<PolicyVersion>[], call: Partial<PolicyCall> = {}): readonly Limit[] {
  const of = { ...CALL, ...call };
  return policyLimits(resolve(compilePolicies(documents.map(policy)), of).enforced, of, (text) => text);
}

const HARD = { measure: "usd", amount: "1.50", window: "day", mode: "hard" } as const;

describe("limits of policies", () => {
  test("are limits like any other", () => {
    expect(limitsOf([{ limits: [{ ...HARD, scope: "user", time_zone: "Europe/Berlin" }] }])).toEqual([
      {
        id: "pol_1 usd day hard Europe/Berlin user:alice",
        scope: "user:alice",
        measure: "usd",
        amount: 1_500_000_000n,
        window: "day",
        timeZone: "Europe/Berlin",
        mode: "hard",
        version: 3,
        derived: false,
      },
    ]);
    expect(limitsOf([{ limits: [{ ...HARD, measure: "tokens", amount: "70", scope: "org" }] }])).toMatchObject([
      { scope: "org", amount: 70n, timeZone: "UTC" },
    ]);
  });

  test("count on what the policy is attached to, and on whoever is on the plan", () => {
    const scopes = (attach: PolicyDocument["attach"], call: Partial<PolicyCall> = {}): string[] =>
      limitsOf([{ attach, limits: [HARD] }], call).map(({ scope }) => scope);
    expect(scopes({ user: "alice" })).toEqual(["user:alice"]);
    expect(scopes({ feature: "f" }, { dimensions: { feature: "f" } })).toEqual(["feature:f"]);
    expect(scopes({ plan: "pro" })).toEqual(["user:alice"]);
    expect(scopes({ plan: "pro" }, { planHolder: "customer" })).toEqual(["customer:acme"]);
    expect(scopes({ plan: "pro" }, { dimensions: { customer: "acme" } })).toEqual(["customer:acme"]);
  });

  test("come in the order in which an exhausted one is named", () => {
    const scopes = ["provider", "model", "key", "org", "customer", "team", "user", "session"] as const;
    const limits = scopes.flatMap((scope) => [
      { ...HARD, scope, window: "month" as const },
      { ...HARD, scope },
    ]);
    const named = limitsOf([{ limits }]).map(({ scope, window }) => `${scope.split(":")[0]} ${window}`);
    expect(named).toEqual(scopes.toReversed().flatMap((scope) => [`${scope} day`, `${scope} month`]));
    // The same order as that of limits made one by one.
    const compiled = limitsOf([{ limits }]);
    const matched = createLimitSnapshot({ version: 1, limits: compiled.toReversed(), defaultSessionBudget: null });
    expect(compiled).toEqual(matched.match({ ...CALL, dimensions: CALL.dimensions }));
  });

  test("keep their counter when the amount changes, and only then", () => {
    const idOf = (limit: object, over: Partial<PolicyVersion> = {}): string | undefined =>
      limitsOf([{ ...over, limits: [{ ...HARD, scope: "user", ...limit }] }])[0]?.id;
    const id = idOf({});
    expect(idOf({ amount: "9.00" }, { version: 4 })).toBe(id);
    const others = [{ window: "hour" }, { measure: "requests", amount: "1" }, { mode: "soft" }, { scope: "team" }];
    const ids = [
      ...others.map((limit) => idOf(limit)),
      idOf({ time_zone: "Asia/Tokyo" }),
      idOf({}, { id: "pol_2" }),
      id,
    ];
    expect(new Set(ids).size).toBe(7);
  });

  test("have the same id on every node: a hash of what they are", () => {
    const resolved = resolve(compilePolicies([policy({ limits: [{ ...HARD, scope: "user" }] })]), CALL);
    expect(policyLimits(resolved.enforced, CALL)[0]?.id).toBe(derivedLimitId("pol_1 usd day hard UTC user:alice"));
  });

  test("replace those of a less specific policy with the same measure, window, mode and scope, and no others", () => {
    const limits = [HARD, { ...HARD, mode: "soft" }, { ...HARD, window: "month" }, { ...HARD, scope: "org" }] as const;
    const all = { id: "pol_0", limits: limits.map((limit) => ({ scope: "user" as const, ...limit })) };
    const own = { attach: { user: "alice" }, limits: [{ ...HARD, amount: "9.00", time_zone: "Asia/Tokyo" }] };
    const named = (over: Partial<PolicyVersion>): string[] =>
      limitsOf([all, { ...own, ...over }]).map(({ id }) => id.split(" ").toSpliced(1, 1).join(" "));
    const kept = ["pol_0 month hard UTC user:alice", "pol_0 day soft UTC user:alice", "pol_0 day hard UTC org"];
    expect(named({})).toEqual(["pol_1 day hard Asia/Tokyo user:alice", ...kept]);
    // Not known whether it applies: both count.
    expect(named({ when: "1 / 0 > 0" })).toEqual([
      "pol_0 day hard UTC user:alice",
      "pol_1 day hard Asia/Tokyo user:alice",
      ...kept,
    ]);
    expect(named({ when: "false" })).toEqual(["pol_0 day hard UTC user:alice", ...kept]);
  });

  test("a limit on something the call does not carry is left out", () => {
    const limits = [
      { ...HARD, scope: "agent" as const },
      { ...HARD, scope: "key" as const },
    ];
    expect(limitsOf([{ limits }], { key: null })).toEqual([]);
  });
});

describe("together with other limits", () => {
  const own = { id: "lim_1", scope: "team:t1", measure: "usd", amount: 5n, window: "day", timeZone: "UTC" } as const;
  const team: Limit = { ...own, mode: "hard", version: 1, derived: false };
  const matched = createLimitSnapshot({ version: 1, limits: [team], defaultSessionBudget: 10n }).match(CALL);
  const scopesWith = (limit: object): string[] =>
    mergeLimits(matched, limitsOf([{ limits: [{ ...HARD, scope: "session", ...limit }] }])).map(
      ({ scope, amount }) => `${scope} ${amount}`,
    );

  test("they stand in one order", () => {
    expect(scopesWith({ scope: "user" })).toEqual(["session:s1 10", "user:alice 1500000000", "team:t1 5"]);
  });

  test("a session that a policy gives a hard budget needs no default one", () => {
    expect(scopesWith({})).toEqual(["session:s1 1500000000", "team:t1 5"]);
    expect(scopesWith({ mode: "soft" })).toContain("session:s1 10");
    expect(scopesWith({ measure: "tokens", amount: "7" })).toContain("session:s1 10");
  });
});
