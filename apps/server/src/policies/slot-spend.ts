import {
  countedOn,
  rollingSlots,
  ROLLING_SLOT_MS,
  scopeValue,
  slotText,
  windowAt,
  type CounterSlot,
} from "@tollhouse/engine";
import {
  spendByValue,
  spendOfScope,
  type CounterChange,
  type Database,
  type LedgerKeys,
  type Queryable,
} from "@tollhouse/store";
import { missedUse } from "../limits/missed-use.ts";
import { present, spans } from "../limits/recorded-amounts.ts";
import type { SettledCall } from "../limits/settled-tap.ts";
import type { Place } from "../place.ts";
import type { PolicyLimitIds } from "./policy-limit-ids.ts";

/** A slot that comes to be counted; `value` null: for every value of its scope. */
export interface NewSlot {
  readonly slot: CounterSlot;
  readonly value: string | null;
}

/** Names no value: a row may have it. */
export function slotName(slot: CounterSlot): string {
  return `${slot.scope} ${slotText(slot)}`;
}

/** Settled sums by counter, then by window, in the unit of the slot. */
export type CounterSums = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

export interface RecordedSpend {
  readonly sums: CounterSums;
  /** Which of the calls that ended meanwhile are inside the sums. */
  readonly inside: ReadonlySet<string>;
}

export interface SlotSpendParts extends Place {
  readonly db: Database;
  readonly keys: LedgerKeys;
  readonly ids: PolicyLimitIds;
}

/**
 * What was used under these slots in their windows at `nowMs`, as one snapshot of the database has it. One query a slot, however many
 * values there are. The list of ended calls is read after the snapshot is taken, so that no call is in the sums and not in the list.
 */
export function recordedSpend(
  parts: SlotSpendParts,
  slots: readonly NewSlot[],
  nowMs: number,
  ended: readonly SettledCall[],
): Promise<RecordedSpend> {
  return parts.db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    const sums = await usedUnder(tx, parts, slots, nowMs);
    return { sums, inside: await present(tx, parts.tenant, ended) };
  });
}

/** By how much the counters of these slots are behind what was used in their windows at `nowMs`, as one snapshot of the database has it. */
export function missedBySlots(
  parts: SlotSpendParts,
  slots: readonly NewSlot[],
  nowMs: number,
): Promise<CounterChange[]> {
  return parts.db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    return missedUse(tx, parts.tenant, await usedUnder(tx, parts, slots, nowMs));
  });
}

async function usedUnder(
  tx: Queryable,
  parts: SlotSpendParts,
  slots: readonly NewSlot[],
  nowMs: number,
): Promise<Sums> {
  const sums: Sums = new Map();
  for (const { slot, value } of slots)
    if (value === null) await readAll(tx, parts, slot, nowMs, sums);
    else await readOne(tx, parts, slot, value, nowMs, sums);
  return sums;
}

/** Adds what calls used that ended and are not in the database yet, each in the window it was decided in. */
export function addEnded(
  recorded: CounterSums,
  slots: readonly NewSlot[],
  ids: PolicyLimitIds,
  ended: readonly SettledCall[],
): CounterSums {
  const sums: Sums = new Map([...recorded].map(([id, windows]) => [id, new Map(windows)]));
  for (const { call, startedMs, used } of ended)
    for (const { slot, value } of slots) {
      const own = scopeValue(slot.scope, call);
      if (own === null || (value !== null && own !== value)) continue;
      const { id: windowId } = windowAt(slot.window, slot.timeZone, startedMs);
      add(sums, countedOn(slot, own, ids.of).id, windowId, used[slot.measure]);
    }
  return sums;
}

type Sums = Map<string, Map<string, bigint>>;

async function readAll(
  tx: Queryable,
  { tenant, environment, ids }: SlotSpendParts,
  slot: CounterSlot,
  nowMs: number,
  sums: Sums,
): Promise<void> {
  const rolling = slot.window === "rolling_24h";
  const { oldest, current } = rollingSlots(nowMs);
  const window = windowAt(slot.window, slot.timeZone, nowMs);
  const range = rolling
    ? { fromMs: oldest * ROLLING_SLOT_MS, toMs: (current + 1) * ROLLING_SLOT_MS }
    : { fromMs: Math.max(0, window.startMs), toMs: window.endMs };
  const rows = await spendByValue(tx, { tenant, environment, kind: slot.scope, ...range, byQuarter: rolling });
  for (const { value, quarter, used } of rows) {
    const id = ids.ofRecorded(slotText(slot), slot.scope, value);
    add(sums, id, rolling ? String(quarter) : window.id, used[slot.measure]);
  }
}

async function readOne(
  tx: Queryable,
  { tenant, environment, keys, ids }: SlotSpendParts,
  slot: CounterSlot,
  value: string,
  nowMs: number,
  sums: Sums,
): Promise<void> {
  const limit = countedOn(slot, value, ids.of);
  for (const [windowId, fromMs, toMs] of spans(limit, nowMs)) {
    const spent = await spendOfScope(tx, keys, { tenant, environment, scope: limit.scope, fromMs, toMs });
    add(sums, limit.id, windowId, spent[slot.measure]);
  }
}

function add(sums: Sums, id: string, windowId: string, amount: bigint): void {
  if (amount === 0n) return;
  let windows = sums.get(id);
  if (windows === undefined) sums.set(id, (windows = new Map()));
  windows.set(windowId, (windows.get(windowId) ?? 0n) + amount);
}
