import { DIMENSIONS, MEASURES, MODES, WINDOWS } from "@tollhouse/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { derivedLimitId } from "./derived-limit-id.ts";
import { createLimitSnapshot, type LimitedCall, type LimitSnapshot } from "./limit-snapshot.ts";
import type { Limit } from "./limit.ts";

const CALL: LimitedCall = {
  dimensions: { session: "s", agent: "a", feature: "f", service: "sv", user: "u", team: "t", customer: "c" },
  model: "m",
  provider: "p",
  key: "k",
};
const SCOPES = [
  "session:s",
  "agent:a",
  "feature:f",
  "service:sv",
  "user:u",
  "team:t",
  "customer:c",
  "org",
  "key:k",
  "model:m",
  "provider:p",
];

function limit(id: string, scope: string, over: Partial<Limit> = {}): Limit {
  const rest = { measure: "usd", amount: 5n, window: "day", timeZone: "UTC", mode: "hard", version: 1 } as const;
  return { id, scope, ...rest, derived: false, ...over };
}

function snapshotOf(limits: readonly Limit[], defaultSessionBudget: bigint | null = null): LimitSnapshot {
  return createLimitSnapshot({ version: 7, limits, defaultSessionBudget });
}

function idsOf(snapshot: LimitSnapshot, call: LimitedCall = CALL): string[] {
  return snapshot.match(call).map((found) => found.id);
}

describe("match", () => {
  test("finds the limit of every scope of the call, tightest scope first", () => {
    const limits = SCOPES.map((scope) => limit(scope, scope));
    expect(idsOf(snapshotOf(limits.toReversed()))).toEqual(SCOPES);
  });

  test("finds nothing of other values, and nothing where the call says none", () => {
    const snapshot = snapshotOf([
      ...SCOPES.filter((scope) => scope !== "org").map((scope) => limit(scope, `${scope}x`)),
      limit("none", "key:null"),
    ]);
    expect(idsOf(snapshot)).toEqual([]);
    expect(idsOf(snapshot, { dimensions: {}, model: "", provider: "", key: null })).toEqual([]);
  });

  test("within a scope hard limits come first, then the shortest window", () => {
    const limits = MODES.flatMap((mode) =>
      WINDOWS.map((window) => limit(`${mode} ${window}`, "org", { mode, window })),
    );
    const order = ["minute", "hour", "day", "rolling_24h", "month", "lifetime"];
    const expected = ["hard", "soft"].flatMap((mode) => order.map((window) => `${mode} ${window}`));
    expect(idsOf(snapshotOf(limits.toReversed()))).toEqual(expected);
  });

  test("a value with a colon is a value like any other", () => {
    const call = { ...CALL, dimensions: { session: "run:42:b" } };
    expect(idsOf(snapshotOf([limit("x", "session:run:42:b"), limit("y", "session:run")]), call)).toEqual(["x"]);
  });
});

describe("default session budget", () => {
  test("a session without a usd limit gets one: hard, for life, the same id every time", () => {
    const [derived, ...rest] = snapshotOf([], 10n).match(CALL);
    expect(rest).toEqual([]);
    expect(derived).toEqual(
      limit(derivedLimitId("session:s"), "session:s", { amount: 10n, window: "lifetime", version: 7, derived: true }),
    );
    expect(snapshotOf([], 10n).match(CALL)[0]?.id).toBe(derived?.id);
    expect(derived?.id).toMatch(/^lim_[0-9a-z]{26}$/);
  });

  test("a usd limit of its own replaces it, any other joins it, in order", () => {
    const id = derivedLimitId("session:s");
    expect(idsOf(snapshotOf([limit("own", "session:s", { mode: "soft" })], 10n))).toEqual(["own"]);
    const others = [
      limit("soft", "session:s", { measure: "tokens", mode: "soft" }),
      limit("hard", "session:s", { measure: "requests" }),
    ];
    expect(idsOf(snapshotOf(others, 10n))).toEqual(["hard", id, "soft"]);
  });

  test("a limit that comes, or goes, replaces or restores it at once", () => {
    const id = derivedLimitId("session:s");
    const before = snapshotOf([], 10n);
    expect(idsOf(before)).toEqual([id]);
    const with1 = before.with(limit("own", "session:s"));
    expect(idsOf(with1)).toEqual(["own"]);
    expect(idsOf(with1.without("own"))).toEqual([id]);
    expect(idsOf(before)).toEqual([id]);
  });

  test("no session, no derived limit; no default, none either", () => {
    expect(idsOf(snapshotOf([], 10n), { ...CALL, dimensions: {} })).toEqual([]);
    expect(idsOf(snapshotOf([], null))).toEqual([]);
  });

  test("a derived limit is found by its id, and is the same object as long as it is remembered", () => {
    const snapshot = snapshotOf([], 10n);
    const [derived] = snapshot.match(CALL);
    expect(snapshot.byId(derived!.id)).toBe(derived);
    for (let i = 0; i < 50_500; i++) snapshot.match({ ...CALL, dimensions: { session: `other ${i}` } });
    expect(snapshot.match(CALL)[0]).toBe(derived);
    for (let i = 0; i < 100_500; i++) snapshot.match({ ...CALL, dimensions: { session: `more ${i}` } });
    expect(snapshot.byId(derived!.id)).toBeUndefined();
    expect(snapshot.match(CALL)[0]).toEqual(derived);
  });

  test("ids come from the function given, and differ between 20,000 sessions without one", () => {
    const named = createLimitSnapshot({
      version: 1,
      limits: [],
      defaultSessionBudget: 1n,
      derivedId: (scope) => `lim_of ${scope}`,
    });
    expect(idsOf(named)).toEqual(["lim_of session:s"]);
    const ids = new Set(Array.from({ length: 20_000 }, (_, i) => derivedLimitId(`session:${i}`)));
    expect(ids.size).toBe(20_000);
  });

  test("the hash of derived ids is FNV-1a of 128 bits, as on every other node", () => {
    // Base 32 of d228cb696f1a8caf78912b704e4a8964, the published vector for "a".
    const value = derivedLimitId("a")
      .slice(4)
      .split("")
      .reduce((sum, digit) => sum * 32n + BigInt("0123456789abcdefghjkmnpqrstvwxyz".indexOf(digit)), 0n);
    expect(value.toString(16)).toBe("d228cb696f1a8caf78912b704e4a8964");
  });
});

describe("changes", () => {
  test("any sequence of changes matches like a snapshot made anew, and leaves earlier snapshots as they were", () => {
    const anyLimit = fc
      .record({
        id: fc.integer({ min: 0, max: 30 }).map((n) => `lim_${n}`),
        scope: fc.oneof(
          fc.constant("org"),
          fc.constantFrom(...DIMENSIONS).map((dimension) => `${dimension}:${dimension[0]}`),
        ),
        measure: fc.constantFrom(...MEASURES),
        window: fc.constantFrom(...WINDOWS),
        mode: fc.constantFrom(...MODES),
      })
      .map(({ id, scope, ...over }) => limit(id, scope, over));
    const change = fc.oneof(
      anyLimit,
      fc.integer({ min: 0, max: 30 }).map((n) => `lim_${n}`),
    );
    const call = {
      ...CALL,
      dimensions: { session: "s", agent: "a", feature: "f", service: "s", user: "u", team: "t", customer: "c" },
    };
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        let snapshot = snapshotOf([], 10n);
        const limits = new Map<string, Limit>();
        const seen: [LimitSnapshot, string[]][] = [];
        for (const next of changes) {
          if (typeof next === "string") limits.delete(next);
          else limits.set(next.id, next);
          snapshot = typeof next === "string" ? snapshot.without(next) : snapshot.with(next);
          seen.push([snapshot, idsOf(snapshot, call)]);
          expect(idsOf(snapshot, call)).toEqual(idsOf(snapshotOf([...limits.values()], 10n), call));
          expect(new Set(snapshot.all())).toEqual(new Set(limits.values()));
        }
        for (const [earlier, ids] of seen) expect(idsOf(earlier, call)).toEqual(ids);
      }),
      { numRuns: 200 },
    );
  });

  test("a change makes the version one higher; taking out what is not there changes nothing", () => {
    const snapshot = snapshotOf([limit("a", "org")]);
    expect(snapshot.with(limit("b", "org")).version).toBe(8);
    expect(snapshot.without("a").version).toBe(8);
    expect(snapshot.without("never")).toBe(snapshot);
  });

  test("20,000 changes are kept through every layer", () => {
    let snapshot = snapshotOf([limit("first", "team:first")]);
    for (let i = 0; i < 20_000; i++) snapshot = snapshot.with(limit(`l${i}`, `team:${i}`));
    for (let i = 0; i < 20_000; i += 2) snapshot = snapshot.without(`l${i}`);
    expect(snapshot.all()).toHaveLength(10_001);
    expect(snapshot.byId("first")?.scope).toBe("team:first");
    for (const [i, found] of [
      [0, []],
      [1, ["l1"]],
      [19_998, []],
      [19_999, ["l19999"]],
    ] as const)
      expect(idsOf(snapshot, { ...CALL, dimensions: { team: String(i) } })).toEqual(found);
  });

  test("a limit that cannot be right is named", () => {
    expect(() => snapshotOf([limit("lim_x", "planet:earth")])).toThrow(/lim_x\.scope/);
    expect(() => snapshotOf([limit("lim_x", "org", { amount: -1n })])).toThrow(/lim_x\.amount/);
    expect(() => snapshotOf([limit("lim_x", "org"), limit("lim_x", "team:a")])).toThrow(/twice/);
    expect(() => snapshotOf([], -1n)).toThrow(/defaultSessionBudget/);
    expect(() => snapshotOf([]).with(limit("lim_x", "team:"))).toThrow(/lim_x\.scope/);
  });
});
