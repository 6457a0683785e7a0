import { estimate, estimateDearest, freePriceRow, type Estimate, type PriceRow } from "@tollhouse/engine";
import type { ConsideredCall } from "./considered-call.ts";
import type { Gateway } from "./gateway.ts";

/**
 * What the call can cost at most; null = no price is known for something it may use. `exactInput`: tokens of the text as counted,
 * framing included; null = the byte bound.
 */
export function estimateCall(gateway: Gateway, call: ConsideredCall, exactInput: number | null): Estimate | null {
  const { facts, price } = call;
  if (price === null) return null;
  if (facts.otherModels === undefined || facts.otherModels.length === 0) return estimate(facts, price, exactInput);
  // The request lets the provider choose: whichever model serves, the bound must hold.
  const rows: PriceRow[] = [price];
  for (const model of facts.otherModels) {
    const row = gateway.prices.find(call.provider, model, call.startedMs);
    if (row === null) return null;
    rows.push(row);
  }
  return estimateDearest(facts, rows, exactInput);
}

/** Tokens and requests alone, for a call whose price is not known and that no hard budget applies to. */
export function estimateUnpriced(call: ConsideredCall, exactInput: number | null): Estimate {
  const unpriced = estimate({ ...call.facts, tier: null, geo: null }, freePriceRow(call.provider), exactInput);
  if (unpriced === null) throw new Error(`a free price row has no price for ${call.facts.endpoint}`);
  return unpriced;
}
