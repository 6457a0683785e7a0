import type { Amounts } from "@tollhouse/engine";
import { settleRecovered, type MemoryCounterStore, type OpenCall, type OutcomeRecord } from "@tollhouse/store";
import { limitsSince } from "../sdk/count-usage.ts";
import { callOfIntent } from "../sdk/restore-checks.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Ends the calls that a stopped process left open, in the spool and in the counters, at what they held. Before the first call is admitted,
 * and not before the services are loaded: a limit that came into force while such a call ran counts it too, as it would have at its end.
 */
export function settleLeftCalls(
  gateway: Gateway,
  counters: MemoryCounterStore,
  left: readonly OpenCall[],
): Promise<readonly OutcomeRecord[]> {
  const nowMs = gateway.now();
  return settleRecovered(gateway.spool, left, nowMs, ({ intent }, held) => {
    for (const { limit, window, measure } of intent.counters)
      counters.seed(limit, window, counters.settledIn(limit, window) + held[measure]);
    return countLate(gateway, counters, intent, held, nowMs);
  });
}

function countLate(
  gateway: Gateway,
  counters: MemoryCounterStore,
  intent: OpenCall["intent"],
  held: Amounts,
  nowMs: number,
): OutcomeRecord["late"] {
  const known = new Set(intent.counters.map(({ limit }) => limit));
  const late = limitsSince(gateway, callOfIntent(gateway, intent)).filter(({ id }) => !known.has(id));
  return late.map((limit) => {
    const { limitId, windowId, amount } = counters.add(limit, intent.timeMs, held[limit.measure]);
    // Turns the counter back to the window of now.
    counters.read(limit, nowMs);
    return { limit: limitId, window: windowId, amount: amount.toString() };
  });
}
