import { freePriceRow, type Limit } from "@tollhouse/engine";
import { refusedByBlock } from "../blocks/block-refusal.ts";
import { keyRules } from "../keys/key-rules.ts";
import { policyRules } from "../policies/policy-rules.ts";
import { matchOf, type ConsideredCall } from "./considered-call.ts";
import { estimateCall, estimateUnpriced } from "./estimate-call.ts";
import type { Gateway } from "./gateway.ts";
import type { RefusalInput } from "./refusal.ts";

/**
 * Steps 2 to 7 of a decision (product.md §2): the rules that need no store, in their order. Fills in limits, price and estimate; the
 * first rule that blocks is answered, null = on to step 8. What policies refused may come there after all, where a request is counted
 * exactly or changed (second-chance.ts).
 */
export function considerRules(gateway: Gateway, call: ConsideredCall): Omit<RefusalInput, "decision"> | null {
  const blocked = refusedByBlock(gateway, call);
  if (blocked !== null) return blocked;
  const matched = matchAndPrice(gateway, call);
  return keyRules(gateway, call) ?? policyRules(gateway, call, matched, false);
}

/** Answers the limits that no policy gave. */
export function matchAndPrice(gateway: Gateway, call: ConsideredCall): readonly Limit[] {
  const { facts, identity } = call;
  const snapshot = gateway.limits(identity);
  call.snapshotVersion = snapshot.version;
  call.price = facts.free
    ? freePriceRow(call.provider)
    : gateway.prices.find(call.provider, facts.model, call.startedMs);
  const estimated = estimateCall(gateway, call, null);
  call.priced = estimated !== null;
  call.estimate = estimated ?? estimateUnpriced(call, null);
  call.limits = facts.free ? [] : snapshot.match({ ...matchOf(call), model: facts.model });
  return call.limits;
}
