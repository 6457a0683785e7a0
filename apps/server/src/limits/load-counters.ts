import { loadAllCounterSums, MemoryCounterStore, type Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";

/** Longer than the longest window that can be running (a month). */
const COUNTERS_SINCE_MS = 32 * 24 * 3_600_000;

/** Counters of all tenants as the ledger's sums have them. Ids of limits are unique over tenants, and nobody chooses one. */
export async function loadCounters(db: Database, nowMs: number, logger: Logger): Promise<MemoryCounterStore> {
  const counters = new MemoryCounterStore({
    onOverrun: (overrun) =>
      logger.error("a call cost more than was reserved for it", {
        decision_id: `dec_${overrun.reservationId}`,
        limit: overrun.limit.id,
        amount: overrun.amount,
      }),
  });
  for await (const sum of loadAllCounterSums(db, nowMs - COUNTERS_SINCE_MS))
    counters.seed(sum.limitId, sum.windowId, sum.settled);
  return counters;
}
