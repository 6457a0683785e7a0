import {
  compilePolicies,
  rollingSlots,
  ROLLING_SLOT_MS,
  slotText,
  windowAt,
  type CompiledPolicy,
  type CounterSlot,
} from "@tollhouse/engine";
import { spendByValue, type LedgerKeys, type Queryable } from "@tollhouse/store";
import type { Place } from "../place.ts";
import { counterId } from "./judge-call.ts";
import type { RehearsalCounters } from "./rehearsal-counters.ts";

/** A slot, and the values of its scope that count; null = all. */
interface SeededSlot {
  readonly slot: CounterSlot;
  values: Set<string> | null;
}

const NO_POLICIES = compilePolicies([]);

/** What every hard limit of the policies had counted when the first call of a rehearsal was decided: its window may have begun before. */
export async function seedCounters(
  db: Queryable,
  keys: LedgerKeys,
  place: Place,
  policies: readonly CompiledPolicy[],
  counters: RehearsalCounters,
  fromMs: number,
): Promise<void> {
  for (const { slot, values } of slotsOf(keys, place.tenant, policies)) {
    const rolling = slot.window === "rolling_24h";
    const startMs = rolling
      ? rollingSlots(fromMs).oldest * ROLLING_SLOT_MS
      : Math.max(0, windowAt(slot.window, slot.timeZone, fromMs).startMs);
    if (startMs >= fromMs) continue;
    const range = { ...place, kind: slot.scope, fromMs: startMs, toMs: fromMs, byQuarter: rolling };
    for (const { value, quarter, used } of await spendByValue(db, range)) {
      if (values !== null && !values.has(value)) continue;
      const atMs = rolling ? quarter * ROLLING_SLOT_MS : fromMs;
      counters.seed(counterId(slotText(slot), slot.scope, value), slot, atMs, used[slot.measure]);
    }
  }
}

function slotsOf(keys: LedgerKeys, tenant: string, policies: readonly CompiledPolicy[]): Iterable<SeededSlot> {
  const slots = new Map<string, SeededSlot>();
  for (const policy of policies)
    for (const { slot, value } of NO_POLICIES.uncounted(policy)) {
      if (slot.mode === "soft") continue;
      const name = `${slotText(slot)} ${slot.scope}`;
      let seeded = slots.get(name);
      if (seeded === undefined) slots.set(name, (seeded = { slot, values: new Set() }));
      if (value === null) seeded.values = null;
      else seeded.values?.add(slot.scope === "user" ? keys.userLookup(tenant, value).toString("hex") : value);
    }
  return slots.values();
}
