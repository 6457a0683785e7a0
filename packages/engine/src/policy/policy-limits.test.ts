import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { derivedLimitId } from "../limits/derived-limit-id.ts";
import { createLimitSnapshot } from "../limits/limit-snapshot.ts";
import type { Limit } from "../limits/limit.ts";
import { countedLimits, type CounterIdOf, mergeLimits, policyLimits } from "./policy-limits.ts";
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
  return policyLimits(resolve(compilePolicies(documents.map(policy)), of).enforced, of, named);
}

/** Ids that say what they are made of. */
const named: CounterIdOf = (slot, scope, value) => `${slot} ${scope === "org" ? scope : `${scope}:${value}`}`;

const HARD = { measure: "usd", amount: "1.50", window: "day", mode: "hard" } as const;

describe("limits of policies", () => {
  test("are limits like any other", () => {
    expect(limitsOf([{ limits: [{ ...HARD, scope: "user", time_zone: "Europe/Berlin" }] }])).toEqual([
      {
        id: "usd day hard Europe/Berlin user:alice",
        scope: "user:alice",
        measure: "usd",
        amount: 1_500_000_000n,
        window: "day",
        timeZone: "Europe/Berlin",
        mode: "hard",
        version: 3,
        derived: false,
        perCall: "held",
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
    const told = limitsOf([{ limits }]).map(({ scope, window }) => `${scope.split(":")[0]} ${window}`);
    expect(told).toEqual(scopes.toReversed().flatMap((scope) => [`${scope} day`, `${scope} month`]));
    // The same order as that of limits made one by one.
    const compiled = limitsOf([{ limits }]);
    const matched = createLimitSnapshot({ version: 1, limits: compiled.toReversed(), defaultSessionBudget: null });
    expect(compiled).toEqual(matched.match(CALL));
  });

  test("share a counter with those of any other policy and amount on the same slot, and with no others", () => {
    const idOf = (limit: object, over: Partial<PolicyVersion> = {}): string | undefined =>
      limitsOf([{ ...over, limits: [{ ...HARD, scope: "user", ...limit }] }])[0]?.id;
    const id = idOf({});
    expect(idOf({ amount: "9.00" }, { version: 4, id: "pol_2" })).toBe(id);
    const others = [{ window: "hour" }, { measure: "requests", amount: "1" }, { mode: "soft" }, { scope: "team" }];
    const ids = [...others.map((limit) => idOf(limit)), idOf({ time_zone: "Asia/Tokyo" }), id];
    expect(new Set(ids).size).toBe(6);
  });

  test("have the same id on every node: a hash of what they are", () => {
    const resolved = resolve(compilePolicies([policy({ limits: [{ ...HARD, scope: "user" }] })]), CALL);
    expect(policyLimits(resolved.enforced, CALL)[0]?.id).toBe(derivedLimitId("usd day hard UTC user:alice"));
  });

  test("replace those of a less specific policy with the same measure, window, mode and scope, and no others", () => {
    const limits = [HARD, { ...HARD, mode: "soft" }, { ...HARD, window: "month" }, { ...HARD, scope: "org" }] as const;
    const all = { id: "pol_0", limits: limits.map((limit) => ({ scope: "user" as const, ...limit })) };
    const own = { attach: { user: "alice" }, limits: [{ ...HARD, amount: "9.00", time_zone: "Asia/Tokyo" }] };
    const given = (over: Partial<PolicyVersion>): string[] =>
      limitsOf([all, { ...own, ...over }]).map(({ id, amount }) => `${id} ${Number(amount) / 1e9}`);
    const kept = ["usd month hard UTC user:alice 1.5", "usd day soft UTC user:alice 1.5", "usd day hard UTC org 1.5"];
    expect(given({})).toEqual(["usd day hard Asia/Tokyo user:alice 9", ...kept]);
    // Not known whether it applies: both hold.
    expect(given({ when: "1 / 0 > 0" })).toEqual([
      "usd day hard Asia/Tokyo user:alice 9",
      "usd day hard UTC user:alice 1.5",
      ...kept,
    ]);
    expect(given({ when: "false" })).toEqual(["usd day hard UTC user:alice 1.5", ...kept]);
    // On one counter the lower amount holds, in whatever order they come.
    for (const amount of ["9.00", "0.50"])
      expect(given({ when: "1 / 0 > 0", limits: [{ ...HARD, amount }] })[0]).toBe(
        `usd day hard UTC user:alice ${Math.min(1.5, Number(amount))}`,
      );
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

  test("a session that a policy gives a hard budget is counted on its default one, and not held to it", () => {
    const default1 = ({ limit }: { limit: object }): string | undefined =>
      mergeLimits(matched, limitsOf([{ limits: [{ ...HARD, scope: "session", ...limit }] }])).find(
        ({ derived }) => derived,
      )?.perCall;
    expect(default1({ limit: {} })).toBe("counted");
    expect(default1({ limit: { mode: "soft" } })).toBeUndefined();
    expect(default1({ limit: { measure: "tokens", amount: "7" } })).toBeUndefined();
    expect(scopesWith({})).toContain("session:s1 1500000000");
  });
});

describe("what a call is counted on", () => {
  const counted = (documents: readonly Partial<PolicyVersion>[], held: readonly Limit[] = []): string[] =>
    countedLimits(compilePolicies(documents.map(policy)), CALL, held, named).map(({ id }) => id);

  test("every slot of every policy in force that could come to hold for it, whichever does now", () => {
    const of = (attach: PolicyDocument["attach"], over: Partial<PolicyVersion> = {}): string[] =>
      counted([{ attach, limits: [HARD], ...over }]);
    // Whoever may be put on the plan, and wherever a condition does not hold today.
    expect(of({ plan: "free" })).toEqual(["usd day hard UTC user:alice", "usd day hard UTC customer:acme"]);
    expect(of("default", { limits: [{ ...HARD, scope: "team" }], when: "false" })).toEqual([
      "usd day hard UTC team:t1",
    ]);
    expect(of({ feature: "other" }, { limits: [{ ...HARD, scope: "session" }] })).toEqual([
      "usd day hard UTC session:s1",
    ]);
    // A policy of one user or feature counts that one alone.
    expect(of({ user: "alice" })).toEqual(["usd day hard UTC user:alice"]);
    expect(of({ user: "bob" })).toEqual([]);
    // What is only observed holds nobody.
    expect(of({ plan: "free" }, { mode: "observe" })).toEqual([]);
  });

  test("not what it is held to already, and each slot once", () => {
    const documents = [
      { id: "pol_1", attach: { plan: "free" }, limits: [HARD] },
      { id: "pol_2", attach: { plan: "pro" }, limits: [{ ...HARD, amount: "9" }] },
    ];
    const held = limitsOf(documents);
    expect(held.map(({ id, amount }) => [id, amount])).toEqual([["usd day hard UTC user:alice", 9_000_000_000n]]);
    expect(counted(documents, held)).toEqual(["usd day hard UTC customer:acme"]);
  });

  test("a slot is new where no policy counts it yet: for all values, or for the one it is attached to", () => {
    const snapshot = compilePolicies([policy({ attach: { plan: "free" }, limits: [HARD] })]);
    const fresh = (over: Partial<PolicyVersion>): (string | null)[] => {
      const own = compilePolicies([policy({ id: "pol_2", ...over })]).byId("pol_2");
      return snapshot.uncounted(own!).map(({ slot, value }) => `${slot.scope} ${slot.window} ${value ?? "all"}`);
    };
    expect(fresh({ attach: { plan: "pro" }, limits: [{ ...HARD, amount: "9" }] })).toEqual([]);
    expect(fresh({ attach: { user: "bob" }, limits: [HARD] })).toEqual([]);
    expect(fresh({ attach: { user: "bob" }, limits: [{ ...HARD, window: "month" }] })).toEqual(["user month bob"]);
    expect(fresh({ limits: [{ ...HARD, scope: "team" }] })).toEqual(["team day all"]);
    // Gone with the last policy that needed it.
    const gone = snapshot.without("pol_1");
    expect([snapshot.slotsOf({}).length, gone.slotsOf({}).length, gone.empty]).toEqual([2, 0, true]);
  });
});
