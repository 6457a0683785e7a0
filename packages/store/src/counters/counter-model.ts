import type { Amounts, Limit } from "@tollhouse/engine";
import fc from "fast-check";
import { expect } from "vitest";
import type { CounterStore } from "./counter-store.ts";

/**
 * An independent reading of the contract, slow and obvious: a list of reservations, folded anew at every question. It knows
 * nothing of counters, caches or window ids, and uses none of the engine's window arithmetic.
 */

type Open = () => Promise<CounterStore>;

const START = Date.UTC(2026, 10, 21, 22, 50);
const SLOT_MS = 900_000;
const DAY_MS = 86_400_000;

const LIMITS: readonly Limit[] = [
  made("session", "usd", 1_000n, "lifetime", "hard"),
  made("burst", "requests", 4n, "minute", "hard"),
  made("hourly", "tokens", 60n, "hour", "hard"),
  made("watch", "usd", 50n, "day", "soft"),
  made("daily", "usd", 300n, "day", "hard"),
  made("rolling", "usd", 200n, "rolling_24h", "hard"),
];

interface Held {
  readonly limits: readonly Limit[];
  readonly atMs: number;
  amounts: Amounts;
  end: "pending" | "settled" | "released";
}

type Step =
  | { readonly verb: "reserve"; readonly limits: readonly Limit[]; readonly amounts: Amounts }
  | { readonly verb: "extend" | "settle"; readonly which: number; readonly amounts: Amounts }
  | { readonly verb: "release"; readonly which: number }
  | { readonly verb: "wait"; readonly ms: number };

const amounts = fc.record({ usd: fc.bigInt(0n, 90n), tokens: fc.bigInt(0n, 25n), requests: fc.bigInt(0n, 1n) });
const which = fc.nat(1_000);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        verb: fc.constant("reserve" as const),
        limits: fc.shuffledSubarray([...LIMITS]),
        amounts,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ verb: fc.constantFrom("extend" as const, "settle" as const), which, amounts }),
    },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant("settle" as const), which, amounts }) },
    { weight: 1, arbitrary: fc.record({ verb: fc.constant("release" as const), which }) },
    {
      weight: 2,
      arbitrary: fc.record({
        verb: fc.constant("wait" as const),
        // Mostly on; now and then the clock steps back by seconds or minutes.
        ms: fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: -400_000, max: 9 * 3_600_000 })),
      }),
    },
  ),
  { minLength: 10, maxLength: 80 },
);

export async function checkAgainstModel(open: Open, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const store = await open();
      const model: Held[] = [];
      let nowMs = START;
      for (const step of history) {
        if (step.verb === "wait") nowMs += step.ms;
        else await take(store, model, step, nowMs);
        for (const limit of LIMITS) {
          const { settled, reserved } = await store.read(limit, nowMs);
          expect({ id: limit.id, settled, reserved }).toEqual({ id: limit.id, ...stateOf(model, limit, nowMs, nowMs) });
        }
      }
    }),
    { numRuns: runs },
  );
}

async function take(store: CounterStore, model: Held[], step: Exclude<Step, { verb: "wait" }>, nowMs: number) {
  if (step.verb === "reserve") {
    const refuser = refuserOf(model, step.limits, step.amounts, nowMs, nowMs);
    const id = `r${model.length}`;
    const result = await store.reserve(id, step.limits, step.amounts, nowMs);
    expect(result.outcome === "refused" ? result.by.limit.id : null).toBe(refuser?.id ?? null);
    // A refused one keeps its place with nothing held, so that the ids go on.
    const end = refuser === null ? "pending" : "released";
    model.push({ limits: step.limits, atMs: nowMs, amounts: step.amounts, end });
    return;
  }
  const pending = model.flatMap((held, i) => (held.end === "pending" ? [{ held, id: `r${i}` }] : []));
  const chosen = pending[step.which % Math.max(1, pending.length)];
  if (chosen === undefined) return;
  const { held, id } = chosen;
  switch (step.verb) {
    case "extend": {
      const refuser = refuserOf(model, held.limits, step.amounts, held.atMs, nowMs);
      const result = await store.extend(id, step.amounts);
      expect(result.outcome === "refused" ? result.by.limit.id : null).toBe(refuser?.id ?? null);
      if (refuser === null) held.amounts = sum(held.amounts, step.amounts);
      return;
    }
    case "settle": {
      const deltas = await store.settle(id, step.amounts);
      expect(deltas.map((delta) => delta.amount)).toEqual(held.limits.map((limit) => step.amounts[limit.measure]));
      held.amounts = step.amounts;
      held.end = "settled";
      return;
    }
    case "release":
      await store.release(id);
      held.end = "released";
  }
}

/** The first of these limits that the amounts do not fit. `atMs` picks the window, `nowMs` is where 24 hours end. */
function refuserOf(model: Held[], limits: readonly Limit[], more: Amounts, atMs: number, nowMs: number): Limit | null {
  for (const limit of limits) {
    const { settled, reserved } = stateOf(model, limit, atMs, nowMs);
    if (limit.mode === "hard" && settled + reserved + more[limit.measure] > limit.amount) return limit;
  }
  return null;
}

function stateOf(model: Held[], limit: Limit, atMs: number, nowMs: number): { settled: bigint; reserved: bigint } {
  let [settled, reserved] = [0n, 0n];
  for (const held of model) {
    if (held.end === "released" || !held.limits.includes(limit)) continue;
    const amount = held.amounts[limit.measure];
    if (held.end === "pending" && sameWindow(limit, held.atMs, atMs, Infinity)) reserved += amount;
    if (held.end === "settled" && sameWindow(limit, held.atMs, atMs, nowMs)) settled += amount;
  }
  return { settled, reserved };
}

/** For rolling_24h: not before the slot that 24 hours ago lies in. With `nowMs` Infinity (what is held): always. */
function sameWindow(limit: Limit, aMs: number, bMs: number, nowMs: number): boolean {
  if (limit.window === "lifetime") return true;
  if (limit.window === "rolling_24h")
    return nowMs === Infinity || aMs >= Math.floor((nowMs - DAY_MS) / SLOT_MS) * SLOT_MS;
  const length = limit.window === "minute" ? 16 : limit.window === "hour" ? 13 : 10;
  return new Date(aMs).toISOString().slice(0, length) === new Date(bMs).toISOString().slice(0, length);
}

/** Against an exact log: for every admitted call, what the 24 hours up to it admitted. */
export async function checkRollingNeverLenient(open: Open, runs: number): Promise<void> {
  const arrival = fc.record({ gapMs: fc.integer({ min: 0, max: 3 * 3_600_000 }), amount: fc.bigInt(1n, 60n) });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { minLength: 20, maxLength: 120 }), async (arrivals) => {
      const store = await open();
      const limit = made("rolling", "usd", 100n, "rolling_24h", "hard");
      const log: { atMs: number; amount: bigint }[] = [];
      let nowMs = START;
      for (const [i, { gapMs, amount }] of arrivals.entries()) {
        nowMs += gapMs;
        const result = await store.reserve(`r${i}`, [limit], { usd: amount, tokens: 0n, requests: 1n }, nowMs);
        const admitted = result.outcome === "reserved";
        if (admitted) await store.settle(`r${i}`, { usd: amount, tokens: 0n, requests: 1n });
        const used = sumSince(log, nowMs - DAY_MS);
        if (admitted) expect(used + amount <= 100n).toBe(true);
        // At most one slot strict: what 24 hours and a slot have room for is admitted.
        else expect(sumSince(log, nowMs - DAY_MS - SLOT_MS) + amount > 100n).toBe(true);
        if (admitted) log.push({ atMs: nowMs, amount });
      }
    }),
    { numRuns: runs },
  );
}

function sumSince(log: readonly { atMs: number; amount: bigint }[], sinceMs: number): bigint {
  return log.reduce((total, entry) => (entry.atMs >= sinceMs ? total + entry.amount : total), 0n);
}

function sum(a: Amounts, b: Amounts): Amounts {
  return { usd: a.usd + b.usd, tokens: a.tokens + b.tokens, requests: a.requests + b.requests };
}

function made(
  name: string,
  measure: Limit["measure"],
  amount: bigint,
  window: Limit["window"],
  mode: Limit["mode"],
): Limit {
  const [id, scope] = [`lim_${name}`, `team:${name}`];
  return { id, scope, measure, amount, window, timeZone: "UTC", mode, version: 1, derived: false };
}
