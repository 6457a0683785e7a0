import { decodeBody, fieldOf } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

export interface CounterSum {
  readonly limitId: string;
  readonly windowId: string;
  /** In the limit's unit. */
  readonly settled: bigint;
}

interface SumRow {
  readonly limit_id: string;
  readonly window_id: string;
  readonly settled: bigint;
}

const PAGE = 5000;
const FIRST_TENANT = "0".repeat(32);

/**
 * What is settled on each counter that may still count: those of `lifetime`, and those touched at or after `sinceMs` (give a time
 * before the longest window that is running: 32 days). The counter stores start from it.
 */
export async function* loadCounterSums(
  db: Queryable,
  tenant: string,
  sinceMs: number,
): AsyncGenerator<CounterSum, void> {
  for (let after: readonly [string, string] = ["", ""]; ;) {
    const { rows } = await db.query<SumRow>(sql("counter-sums"), [tenant, ...after, Math.floor(sinceMs), PAGE]);
    for (const row of rows) yield { limitId: row.limit_id, windowId: row.window_id, settled: row.settled };
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.limit_id, last.window_id];
  }
}

/** The same of every tenant, for a start; without the tenant: ids of limits are unique over all of them. */
export async function* loadAllCounterSums(db: Queryable, sinceMs: number): AsyncGenerator<CounterSum, void> {
  for (let after: readonly [string, string, string] = [FIRST_TENANT, "", ""]; ;) {
    const values = [...after, Math.floor(sinceMs), PAGE];
    const { rows } = await db.query<SumRow & { tenant: string }>(sql("all-counter-sums"), values);
    for (const row of rows) yield { limitId: row.limit_id, windowId: row.window_id, settled: row.settled };
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.tenant, last.limit_id, last.window_id];
  }
}

/**
 * The same sums, computed again from the bodies of all entries: what `counter_sums` must equal at any moment the recorder is
 * between transactions. Sorted by limit and window; reads the whole chain.
 */
export async function foldCounters(db: Queryable, tenant: string): Promise<CounterSum[]> {
  const sums = new Map<string, { limitId: string; windowId: string; settled: bigint }>();
  for (let after = 0n; ;) {
    const { rows } = await db.query<{ sequence: bigint; body: Buffer }>(sql("entry-bodies"), [tenant, after, PAGE]);
    for (const { body } of rows) addCounters(sums, body);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) break;
    after = last.sequence;
  }
  return [...sums.values()].sort((a, b) => compare(a.limitId, b.limitId) || compare(a.windowId, b.windowId));
}

function addCounters(
  sums: Map<string, { limitId: string; windowId: string; settled: bigint }>,
  body: Uint8Array,
): void {
  for (const { limitId, windowId, amount } of fieldOf(decodeBody(body).fields, "counters") ?? []) {
    const name = JSON.stringify([limitId, windowId]);
    const sum = sums.get(name) ?? { limitId, windowId, settled: 0n };
    sum.settled += amount;
    sums.set(name, sum);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
