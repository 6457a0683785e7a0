import { rollingSlots, ROLLING_SLOT_MS, windowAt, type Limit } from "@tollhouse/engine";
import { spendOfScope, type CounterChange, type Database, type LedgerKeys, type Queryable } from "@tollhouse/store";
import type { RecordedAmounts } from "./with-spent.ts";
import { missedUse } from "./missed-use.ts";
import type { SettledCall } from "./settled-tap.ts";

export interface RecordedAmountsParts {
  readonly db: Database;
  readonly keys: LedgerKeys;
  readonly tenant: string;
  readonly environment: string;
}

/**
 * What the limit's scope used in the window at `nowMs`, as one snapshot of the database has it, and which of `ended` are in
 * that snapshot. The list is read after the snapshot is taken, so that no call can be in the sums and not in the list.
 */
export function recordedAmounts(
  { db, keys, tenant, environment }: RecordedAmountsParts,
  limit: Limit,
  nowMs: number,
  ended: readonly SettledCall[],
): Promise<RecordedAmounts> {
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    const sums = await usedUnder(tx, { keys, tenant, environment }, limit, nowMs);
    return { sums, inside: await present(tx, tenant, ended) };
  });
}

/** By how much the limit's counter is behind what its scope used in the window at `nowMs`, as one snapshot of the database has it. */
export function missedByLimit(
  { db, ...of }: RecordedAmountsParts,
  limit: Limit,
  nowMs: number,
): Promise<CounterChange[]> {
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    return missedUse(tx, of.tenant, new Map([[limit.id, await usedUnder(tx, of, limit, nowMs)]]));
  });
}

async function usedUnder(
  tx: Queryable,
  { keys, tenant, environment }: Omit<RecordedAmountsParts, "db">,
  limit: Limit,
  nowMs: number,
): Promise<Map<string, bigint>> {
  const sums = new Map<string, bigint>();
  for (const [windowId, fromMs, toMs] of spans(limit, nowMs)) {
    const spent = await spendOfScope(tx, keys, { tenant, environment, scope: limit.scope, fromMs, toMs });
    if (spent[limit.measure] > 0n) sums.set(windowId, spent[limit.measure]);
  }
  return sums;
}

/** Window id, start, end: one for a calendar window, one a slot for `rolling_24h`. */
export function spans(limit: Limit, nowMs: number): [string, number, number][] {
  if (limit.window !== "rolling_24h") {
    const { id, startMs, endMs } = windowAt(limit.window, limit.timeZone, nowMs);
    return [[id, Math.max(0, startMs), endMs]];
  }
  const { oldest, current } = rollingSlots(nowMs);
  return Array.from({ length: current - oldest + 1 }, (_, i) => {
    const slot = oldest + i;
    return [String(slot), slot * ROLLING_SLOT_MS, (slot + 1) * ROLLING_SLOT_MS];
  });
}

export async function present(
  tx: Queryable,
  tenant: string,
  ended: readonly SettledCall[],
): Promise<ReadonlySet<string>> {
  if (ended.length === 0) return new Set();
  const { rows } = await tx.query<{ entry_id: string }>(
    "SELECT entry_id FROM ledger_entries WHERE tenant = $1 AND entry_id = ANY($2::uuid[])",
    [tenant, ended.map((call) => call.decision)],
  );
  return new Set(rows.map((row) => row.entry_id.replaceAll("-", "")));
}
