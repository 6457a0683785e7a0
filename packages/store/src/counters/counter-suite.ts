import type { Amounts, Limit } from "@tollhouse/engine";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { CounterDelta, CounterStore, ReserveResult } from "./counter-store.ts";
import { checkAgainstModel, checkRollingNeverLenient } from "./counter-model.ts";

/** A fresh, empty store, and how to end it. */
export interface SuiteStore {
  readonly store: CounterStore;
  readonly close?: () => void | Promise<void>;
}

export interface SuiteOptions {
  /** Random histories of the model tests; a store behind a network takes fewer. */
  readonly runs?: number;
}

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const MIDNIGHT = Date.UTC(2026, 10, 22);

/** The guarantees of `CounterStore`. Every implementation runs this suite; none has tests of its own for the same things. */
export function counterSuite(
  name: string,
  makeStore: () => SuiteStore | Promise<SuiteStore>,
  options: SuiteOptions = {},
) {
  const runs = options.runs ?? 300;
  describe(`counter store: ${name}`, () => {
    const opened: SuiteStore[] = [];
    let store: CounterStore;
    const open = async (): Promise<CounterStore> => {
      const made = await makeStore();
      opened.push(made);
      return made.store;
    };
    beforeEach(async () => {
      store = await open();
    });
    afterAll(async () => {
      for (const made of opened) await made.close?.();
    });
    const standing = async (limit: Limit, nowMs = NOW): Promise<[bigint, bigint]> => {
      const { settled, reserved } = await store.read(limit, nowMs);
      return [settled, reserved];
    };

    test("a reservation holds on every limit, in its own measure", async () => {
      const limits = [
        limitOf("a", { amount: 100n }),
        limitOf("b", { measure: "tokens" }),
        limitOf("c", { measure: "requests" }),
      ];
      const result = await store.reserve("r", limits, { usd: 100n, tokens: 7n, requests: 1n }, NOW);
      expect(outcomeOf(result)).toEqual([
        "reserved",
        [
          [0n, 100n],
          [0n, 7n],
          [0n, 1n],
        ],
      ]);
      expect(await Promise.all(limits.map((limit) => standing(limit)))).toEqual([
        [0n, 100n],
        [0n, 7n],
        [0n, 1n],
      ]);
    });

    test("an amount that fits exactly is admitted, and one more is refused", async () => {
      const limit = limitOf("a", { amount: 10n });
      expect((await store.reserve("r1", [limit], usd(10n), NOW)).outcome).toBe("reserved");
      expect((await store.reserve("r2", [limit], usd(1n), NOW)).outcome).toBe("refused");
      expect((await store.reserve("r3", [limit], usd(0n), NOW)).outcome).toBe("reserved");
    });

    test("calls with amounts of their own are each held to theirs, on one counter", async () => {
      const own = (amount: bigint, over: Partial<Limit> = {}): Limit =>
        limitOf("a", { amount, version: Number(amount), perCall: "held", ...over });
      expect((await store.reserve("r1", [own(10n)], usd(6n), NOW)).outcome).toBe("reserved");
      // A higher amount admits more, and changes nothing for whoever has the lower one.
      expect(outcomeOf(await store.reserve("r2", [own(20n)], usd(6n), NOW))).toEqual(["reserved", [[0n, 12n]]]);
      expect((await store.reserve("r3", [own(10n)], usd(1n), NOW)).outcome).toBe("refused");
      expect((await store.extend("r1", usd(1n))).outcome).toBe("refused");
      expect((await store.extend("r2", usd(8n))).outcome).toBe("reserved");
      // Who is only counted is refused by nothing, and counts for the others.
      const counted = own(0n, { mode: "soft", perCall: "counted" });
      expect((await store.reserve("r4", [counted], usd(50n), NOW)).outcome).toBe("reserved");
      await store.settle("r4", usd(3n));
      expect(await standing(own(20n))).toEqual([3n, 20n]);
      expect((await store.reserve("r5", [own(20n)], usd(0n), NOW)).outcome).toBe("refused");
      await store.release("r1");
      await store.release("r2");
      expect((await store.reserve("r6", [own(10n)], usd(7n), NOW)).outcome).toBe("reserved");
      await store.release("r6");
    });

    test("a limit of nothing admits nothing", async () => {
      expect((await store.reserve("r", [limitOf("a", { amount: 0n })], usd(1n), NOW)).outcome).toBe("refused");
    });

    test("one limit that refuses leaves every counter as it was, wherever it stands", async () => {
      const roomy = [limitOf("a"), limitOf("b", { mode: "soft" }), limitOf("c", { window: "rolling_24h" })];
      const full = limitOf("full", { amount: 4n });
      for (const [i, at] of [0, 1, 3].entries()) {
        const limits = roomy.toSpliced(at, 0, full);
        const result = await store.reserve(`r${i}`, limits, usd(5n), NOW);
        expect(result).toMatchObject({ outcome: "refused", required: 5n, by: { settled: 0n, reserved: 0n } });
        expect(result.outcome === "refused" && result.by.limit.id).toBe(full.id);
        for (const limit of limits) expect(await standing(limit)).toEqual([0n, 0n]);
      }
    });

    test("of several limits that refuse, the first in the order given is named", async () => {
      const limits = [limitOf("a"), limitOf("b", { amount: 1n }), limitOf("c", { amount: 0n })];
      const result = await store.reserve("r", limits, usd(5n), NOW);
      expect(result.outcome === "refused" && result.by.limit.id).toBe(limits[1]?.id);
    });

    test("a soft limit counts and never refuses", async () => {
      const soft = limitOf("a", { amount: 1n, mode: "soft" });
      expect((await store.reserve("r", [soft], usd(50n), NOW)).outcome).toBe("reserved");
      expect((await store.extend("r", usd(50n))).outcome).toBe("reserved");
      await store.settle("r", usd(80n));
      expect(await standing(soft)).toEqual([80n, 0n]);
    });

    test("a repeated reserve changes nothing, pending or ended", async () => {
      const limit = limitOf("a", { amount: 10n });
      await store.reserve("r", [limit], usd(6n), NOW);
      expect((await store.reserve("r", [limit], usd(6n), NOW)).outcome).toBe("reserved");
      expect(await standing(limit)).toEqual([0n, 6n]);
      await store.settle("r", usd(5n));
      expect((await store.reserve("r", [limit], usd(6n), NOW)).outcome).toBe("reserved");
      expect(await standing(limit)).toEqual([5n, 0n]);
    });

    test("a refused reservation may be tried again", async () => {
      const limit = limitOf("a", { amount: 10n });
      await store.reserve("first", [limit], usd(8n), NOW);
      expect((await store.reserve("r", [limit], usd(4n), NOW)).outcome).toBe("refused");
      await store.release("first");
      expect((await store.reserve("r", [limit], usd(4n), NOW)).outcome).toBe("reserved");
    });

    test("settling moves what was used and frees the rest; settling twice answers the first deltas", async () => {
      const limits = [limitOf("a"), limitOf("b", { measure: "tokens", window: "hour" })];
      await store.reserve("r", limits, { usd: 60n, tokens: 9n, requests: 1n }, NOW);
      const first = await store.settle("r", { usd: 25n, tokens: 4n, requests: 1n });
      expect(first).toEqual([delta(limits[0], "lifetime", 25n), delta(limits[1], "2026-11-21T06:00Z", 4n)]);
      expect(await store.settle("r", { usd: 99n, tokens: 99n, requests: 1n })).toEqual(first);
      expect(await standing(limits[0]!)).toEqual([25n, 0n]);
      expect(await standing(limits[1]!)).toEqual([4n, 0n]);
    });

    test("release gives everything back, extensions too; again, or unknown, it changes nothing", async () => {
      const limit = limitOf("a");
      await store.reserve("r", [limit], usd(10n), NOW);
      await store.extend("r", usd(5n));
      await store.release("r");
      await store.release("r");
      await store.release("never seen");
      expect(await standing(limit)).toEqual([0n, 0n]);
    });

    test("a settled reservation cannot be released", async () => {
      const limit = limitOf("a");
      await store.reserve("r", [limit], usd(10n), NOW);
      await store.settle("r", usd(7n));
      await store.release("r");
      expect(await standing(limit)).toEqual([7n, 0n]);
    });

    test("settling what was released or never reserved fails and counts nothing", async () => {
      const limit = limitOf("a");
      await store.reserve("r", [limit], usd(10n), NOW);
      await store.release("r");
      await expect(attempt(() => store.settle("r", usd(7n)))).rejects.toThrow(/released/);
      await expect(attempt(() => store.settle("never seen", usd(7n)))).rejects.toThrow(/unknown/);
      expect(await standing(limit)).toEqual([0n, 0n]);
    });

    test("an extension that does not fit every limit leaves the reservation as it was", async () => {
      const limits = [limitOf("a"), limitOf("b", { amount: 12n })];
      await store.reserve("r", limits, usd(10n), NOW);
      expect(await store.extend("r", usd(3n))).toMatchObject({
        outcome: "refused",
        required: 3n,
        by: { reserved: 10n },
      });
      for (const limit of limits) expect(await standing(limit)).toEqual([0n, 10n]);
      expect((await store.extend("r", usd(2n))).outcome).toBe("reserved");
      await store.settle("r", usd(12n));
      for (const limit of limits) expect(await standing(limit)).toEqual([12n, 0n]);
    });

    test("an ended or unknown reservation cannot be extended", async () => {
      await store.reserve("r", [limitOf("a")], usd(10n), NOW);
      await store.settle("r", usd(1n));
      await expect(attempt(() => store.extend("r", usd(1n)))).rejects.toThrow(/settled/);
      await expect(attempt(() => store.extend("never seen", usd(1n)))).rejects.toThrow(/unknown/);
    });

    test("an overrun is counted in full and blocks the limit", async () => {
      const limit = limitOf("a", { amount: 10n });
      await store.reserve("r", [limit], usd(10n), NOW);
      expect(await store.settle("r", usd(14n))).toEqual([delta(limit, "lifetime", 14n)]);
      expect(await standing(limit)).toEqual([14n, 0n]);
      expect((await store.reserve("r2", [limit], usd(0n), NOW)).outcome).toBe("refused");
      expect(await store.room([limit], NOW)).toEqual({ usd: 0n, tokens: null, requests: null });
    });

    test("a call that crosses midnight settles, extends and ends where it was reserved", async () => {
      const limit = limitOf("a", { amount: 10n, window: "day" });
      await store.reserve("late", [limit], usd(6n), MIDNIGHT - 1);
      await store.reserve("early", [limit], usd(10n), MIDNIGHT);
      expect((await store.extend("late", usd(5n))).outcome).toBe("refused");
      expect((await store.extend("late", usd(4n))).outcome).toBe("reserved");
      expect(await store.settle("late", usd(9n))).toEqual([delta(limit, "2026-11-21T00:00Z", 9n)]);
      expect(await standing(limit, MIDNIGHT - 1)).toEqual([9n, 0n]);
      expect(await standing(limit, MIDNIGHT)).toEqual([0n, 10n]);
    });

    test("a clock that steps back finds the counter it left", async () => {
      const limit = limitOf("a", { amount: 10n, window: "minute" });
      await store.reserve("r1", [limit], usd(6n), NOW - 1);
      await store.reserve("r2", [limit], usd(7n), NOW + 1);
      expect((await store.reserve("r3", [limit], usd(5n), NOW - 2)).outcome).toBe("refused");
      expect((await store.reserve("r4", [limit], usd(4n), NOW - 2)).outcome).toBe("reserved");
      expect((await store.reserve("r5", [limit], usd(4n), NOW + 2)).outcome).toBe("refused");
      expect((await store.reserve("r6", [limit], usd(3n), NOW + 2)).outcome).toBe("reserved");
    });

    test("a window of a zone is the zone's own", async () => {
      const limit = limitOf("a", { window: "day", timeZone: "Asia/Kolkata" });
      const { window } = await store.read(limit, NOW);
      expect(window.id).toBe("2026-11-20T18:30Z");
      expect(window.endMs - window.startMs).toBe(24 * 3_600_000);
    });

    test("a newer version of a limit counts at once", async () => {
      const limit = limitOf("a", { amount: 10n });
      await store.reserve("r1", [limit], usd(8n), NOW);
      const raised = { ...limit, amount: 20n, version: 2 };
      expect((await store.reserve("r2", [raised], usd(8n), NOW)).outcome).toBe("reserved");
      expect((await store.reserve("r3", [{ ...limit, amount: 5n, version: 3 }], usd(1n), NOW)).outcome).toBe("refused");
    });

    test("the room is the least of the hard limits, by measure", async () => {
      const limits = [
        limitOf("a", { amount: 50n }),
        limitOf("b", { amount: 30n, window: "day" }),
        limitOf("c", { amount: 1n, mode: "soft" }),
        limitOf("d", { amount: 9n, measure: "tokens" }),
      ];
      await store.reserve("r", limits, { usd: 4n, tokens: 2n, requests: 1n }, NOW);
      expect(await store.room(limits, NOW)).toEqual({ usd: 26n, tokens: 7n, requests: null });
    });

    test("amounts at the edges of 64 bits are exact, and beyond them or negative they are refused whole", async () => {
      const most = (1n << 63n) - 1n;
      const limit = limitOf("a", { amount: most });
      await store.reserve("r", [limit], usd((1n << 53n) + 1n), NOW);
      expect(await standing(limit)).toEqual([0n, (1n << 53n) + 1n]);
      expect((await store.reserve("r1", [limit], usd(most - (1n << 53n)), NOW)).outcome).toBe("refused");
      for (const [field, bad] of [
        ["usd", { usd: -1n }],
        ["tokens", { tokens: most + 1n }],
        ["requests", { requests: -5n }],
      ] as const) {
        const amounts = { ...usd(1n), ...bad };
        await expect(attempt(() => store.reserve("bad", [limit], amounts, NOW))).rejects.toThrow(field);
        await expect(attempt(() => store.extend("r", amounts))).rejects.toThrow(field);
        await expect(attempt(() => store.settle("r", amounts))).rejects.toThrow(field);
      }
      expect(await standing(limit)).toEqual([0n, (1n << 53n) + 1n]);
    });

    test("1,000 calls at once on a budget that fits 100: exactly 100 are admitted (E3)", async () => {
      const limits = [limitOf("a", { amount: 100n }), limitOf("b", { amount: 1_000n, window: "day" })];
      const results = await Promise.all(
        Array.from({ length: 1_000 }, async (_, i) => store.reserve(`r${i}`, limits, usd(1n), NOW)),
      );
      expect(results.filter((result) => result.outcome === "reserved")).toHaveLength(100);
      expect(await standing(limits[0]!)).toEqual([0n, 100n]);
      expect(await standing(limits[1]!)).toEqual([0n, 100n]);
    });

    test("random amounts at once: never above the limit, and nothing refused that would still fit", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.bigInt(1n, 400n), { minLength: 50, maxLength: 300 }), async (amounts) => {
          const fresh = await open();
          const limit = limitOf("a", { amount: 5_000n });
          const results = await Promise.all(
            amounts.map(async (amount, i) => fresh.reserve(`r${i}`, [limit], usd(amount), NOW)),
          );
          const { reserved } = await fresh.read(limit, NOW);
          const admitted = amounts.filter((_, i) => results[i]?.outcome === "reserved");
          expect(admitted.reduce((sum, amount) => sum + amount, 0n)).toBe(reserved);
          expect(reserved <= 5_000n).toBe(true);
          // Nothing was given back, so what was refused at some moment must not fit at the end either.
          for (const [i, result] of results.entries())
            if (result.outcome === "refused") expect(reserved + amounts[i]! > 5_000n).toBe(true);
        }),
        { numRuns: Math.ceil(runs / 10) },
      );
    });

    test("any history of verbs and clock steps agrees with an independent model", async () => {
      await checkAgainstModel(open, runs);
    });

    test("rolling_24h: what any 24 hours admitted is never above the limit", async () => {
      await checkRollingNeverLenient(open, Math.ceil(runs / 3));
    });
  });
}

/** A hard limit of 1,000 nano-dollars for life, unless said otherwise. */
export function limitOf(name: string, over: Partial<Limit> = {}): Limit {
  return {
    id: `lim_${name}`,
    scope: `session:${name}`,
    measure: "usd",
    amount: 1_000n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
    ...over,
  };
}

function usd(amount: bigint): Amounts {
  return { usd: amount, tokens: 0n, requests: 1n };
}

function delta(limit: Limit | undefined, windowId: string, amount: bigint): CounterDelta {
  return { limitId: limit?.id ?? "", windowId, amount };
}

function outcomeOf(result: ReserveResult): unknown {
  if (result.outcome === "refused") return ["refused", result.by.limit.id];
  return ["reserved", result.states.map((state) => [state.settled, state.reserved])];
}

/** A store may throw at once or reject: both are a failure. */
async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  return work();
}
