import { windowAt, type Amounts, type Limit } from "@tollhouse/engine";
import { settleRecovered, type MemoryCounterStore, type OpenCall, type OutcomeRecord } from "@tollhouse/store";
import { limitsSince } from "../sdk/count-usage.ts";
import { callOfIntent } from "../sdk/restore-checks.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Ends the calls that a stopped process left open, in the spool and in the counters, at what they held. Before the first call is admitted,
 * and not before the services are loaded: a limit that came into force while such a call ran counts it too, as it would have at its end.
 *
 * `counters`: null where nodes share theirs. They are made anew of the ledger's sums before this process counts, with these calls in them.
 */
export function settleLeftCalls(
  gateway: Gateway,
  left: readonly OpenCall[],
  counters: MemoryCounterStore | null,
): Promise<readonly OutcomeRecord[]> {
  const nowMs = gateway.now();
  return settleRecovered(gateway.spool, left, nowMs, ({ intent }, held) => {
    const late = lateLimits(gateway, intent);
    if (counters !== null) count(counters, intent, late, held, nowMs);
    return late.map((limit) => ({
      limit: limit.id,
      window: windowAt(limit.window, limit.timeZone, intent.timeMs).id,
      amount: held[limit.measure].toString(),
    }));
  });
}

function lateLimits(gateway: Gateway, intent: OpenCall["intent"]): readonly Limit[] {
  const known = new Set(intent.counters.map(({ limit }) => limit));
  return limitsSince(gateway, callOfIntent(gateway, intent)).filter(({ id }) => !known.has(id));
}

function count(
  counters: MemoryCounterStore,
  intent: OpenCall["intent"],
  late: readonly Limit[],
  held: Amounts,
  nowMs: number,
): void {
  for (const { limit, window, measure } of intent.counters)
    counters.seed(limit, window, counters.settledIn(limit, window) + held[measure]);
  for (const limit of late) {
    counters.add(limit, intent.timeMs, held[limit.measure]);
    // Turns the counter back to the window of now.
    counters.read(limit, nowMs);
  }
}
