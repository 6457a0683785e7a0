import { sliceAmounts } from "@tollhouse/engine";
import type { Call } from "../gateway/call.ts";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { profileKey } from "../gateway/reserve-call.ts";
import { isLookup } from "../gateway/settle-call.ts";

/** Step 8 of a decision, as the last of those that need no store: every call that comes so far is counted. Null: it goes on. */
export function anomalyRefusal(gateway: Gateway, call: ConsideredCall): Omit<RefusalInput, "decision"> | null {
  if (isLookup(call.facts.endpoint)) return null;
  return gateway.anomalies(call.identity).look(call);
}

/**
 * An open call counts as spend with what a stream of its kind holds first: the bound of its input, and the output that such calls
 * usually make. By its whole bound, a few whole answers without an output cap would look like a spree.
 */
export function holdSpend(gateway: Gateway, call: Call): void {
  const anomalies = gateway.anomalies(call.identity);
  if (!anomalies.watchesSpend || call.reservation.usd === 0n) return;
  const { estimate, facts, reservation } = call;
  const output = estimate.hiddenTokensMax + gateway.profile.slice(profileKey(call)) * facts.choices;
  const usual = sliceAmounts(estimate, Math.min(estimate.outputTokensMax, output)).usd;
  anomalies.hold(call.decision, call.identity.dimensions, usual < reservation.usd ? usual : reservation.usd);
}
