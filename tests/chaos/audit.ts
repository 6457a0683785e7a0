import type { WindowKind } from "@tollhouse/contract";
import { windowAt } from "@tollhouse/engine";
import { DEFAULT_TENANT, foldCounters, loadCounterSums, openDatabase } from "@tollhouse/store";
import type { BilledCall, TollhouseProcess } from "@tollhouse/testkit";
import { expect } from "vitest";

/** A call as the ledger has it, through the control API. */
export interface RecordedCall {
  readonly decision: string;
  readonly sequence: number;
  readonly endpoint: string;
  readonly outcome: "settled" | "released" | "blocked";
  readonly reason_code: string | null;
  readonly status: number | null;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly usage: Readonly<Record<string, number>> | null;
  readonly usage_source: string | null;
  readonly cost: string | null;
  readonly doubt: string | null;
}

export interface LimitAnswer {
  readonly id: string;
  readonly scope: string;
  readonly measure: "usd" | "tokens" | "requests";
  readonly amount: string;
  readonly window: WindowKind;
  readonly time_zone: string;
  readonly mode: string;
  readonly state: {
    readonly settled: string;
    readonly reserved: string;
    readonly remaining: string;
    readonly resets_at: string | null;
  };
}

/** A call that both sides know, under one name. */
export interface Pair {
  readonly recorded: RecordedCall;
  readonly billed: BilledCall;
}

const REST_MS_MAX = 60_000;

/** Exact decimal text of dollars as nano-dollars. */
export function nano(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(9, "0"));
}

export function usd(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(10, "0");
  return `${amount < 0n ? "-" : ""}$${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** Waits until no call is open and the ledger has everything. Then nothing may be held any more. */
export async function atRest(tollhouse: TollhouseProcess): Promise<void> {
  const open = async (): Promise<number[]> => [
    await tollhouse.metric("tollhouse_reserved_usd"),
    await tollhouse.metric("tollhouse_recorder_lag_records"),
  ];
  await expect.poll(open, { timeout: REST_MS_MAX, interval: 50 }).toEqual([0, 0]);
}

export async function recordedCalls(tollhouse: TollhouseProcess): Promise<RecordedCall[]> {
  const all: RecordedCall[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = `/api/v1/calls?limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const page: { calls: RecordedCall[]; next_cursor: string | null } = await tollhouse.control("GET", query);
    all.push(...page.calls);
    cursor = page.next_cursor;
  }
  return all;
}

/**
 * Every call that reached the provider has exactly one outcome in the ledger, and none has two. Calls recorded and not billed are
 * allowed: an intent whose request never left. Returns both sides of each call.
 */
export function pairUp(recorded: readonly RecordedCall[], bill: readonly BilledCall[]): Pair[] {
  const ends = recorded.filter((call) => call.outcome !== "blocked");
  const byName = new Map(ends.map((call) => [call.dimensions["agent"] ?? call.decision, call]));
  expect(ends.length - byName.size, "calls with more than one outcome").toBe(0);
  const repeated = [...Map.groupBy(bill, (call) => call.callId).values()].filter((lines) => lines.length > 1);
  expect(repeated, "calls that reached the provider more than once").toEqual([]);
  const lost = bill.filter((call) => !byName.has(call.callId));
  expect(lost, "calls that reached the provider and have no outcome").toEqual([]);
  return bill.map((billed) => ({ billed, recorded: byName.get(billed.callId) as RecordedCall }));
}

export function costOf(call: RecordedCall): bigint {
  return call.cost === null ? 0n : nano(call.cost);
}

export function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}

export function limits(tollhouse: TollhouseProcess): Promise<LimitAnswer[]> {
  return tollhouse.control<{ limits: LimitAnswer[] }>("GET", "/api/v1/limits").then((page) => page.limits);
}

export async function makeLimit(
  tollhouse: TollhouseProcess,
  scope: string,
  amount: string,
  more: Partial<Pick<LimitAnswer, "measure" | "window" | "mode">> = {},
): Promise<LimitAnswer> {
  const limit = { scope, amount, measure: "usd", window: "lifetime", mode: "hard", ...more };
  return tollhouse.control<LimitAnswer>("POST", "/api/v1/limits", limit);
}

/** At rest: counters in memory = sums in the database = the fold of the ledger's own bytes, and nothing is held. */
export async function expectCountersAreTheFold(tollhouse: TollhouseProcess): Promise<void> {
  const db = await openDatabase({ url: tollhouse.databaseUrl }, { connectionsMax: 1 });
  try {
    const folded = (await foldCounters(db, DEFAULT_TENANT)).filter((counter) => counter.settled > 0n);
    const summed = [];
    for await (const counter of loadCounterSums(db, DEFAULT_TENANT, 0)) if (counter.settled > 0n) summed.push(counter);
    expect(summed).toEqual(folded);
    for (const limit of await limits(tollhouse)) {
      const now = windowAt(limit.window, "UTC", Date.now()).id;
      const counts = folded.filter(({ limitId, windowId }) => {
        return limitId === limit.id && (limit.window === "rolling_24h" || windowId === now);
      });
      const settled = sum(counts.map((counter) => counter.settled));
      expect(limit.state, `${limit.scope} ${limit.measure} ${limit.window}`).toMatchObject({
        settled: limit.measure === "usd" ? usd(settled).slice(1) : String(settled),
        reserved: limit.measure === "usd" ? "0.000000000" : "0",
      });
    }
  } finally {
    await db.close();
  }
}

/** No hard limit holds more than its amount, now. */
export function expectWithin(found: readonly LimitAnswer[]): void {
  for (const { scope, measure, mode, amount, state } of found)
    if (mode === "hard")
      expect(nano(state.settled) + nano(state.reserved), `${scope} ${measure}`).toBeLessThanOrEqual(nano(amount));
}

export async function expectVerifies(tollhouse: TollhouseProcess): Promise<void> {
  const verified = await tollhouse.control("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" });
  expect(verified).toMatchObject({ result: "PASS", first_bad_sequence: null });
}
