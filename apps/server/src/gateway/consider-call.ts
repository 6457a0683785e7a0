import { decide, freePriceRow } from "@tollhouse/engine";
import { refusedByBlock } from "../blocks/block-refusal.ts";
import { keyRules } from "../keys/key-rules.ts";
import { matchOf, type ConsideredCall } from "./considered-call.ts";
import { estimateCall, estimateUnpriced } from "./estimate-call.ts";
import type { Gateway } from "./gateway.ts";
import type { RefusalInput } from "./refusal.ts";

/**
 * Steps 2 to 8 of a decision (product.md §2): the rules that need no store, in their order. Fills in limits, price and estimate; the
 * first rule that blocks is answered, null = on to the limits.
 */
export function considerCall(gateway: Gateway, call: ConsideredCall): Omit<RefusalInput, "decision"> | null {
  const blocked = refusedByBlock(gateway, call);
  if (blocked !== null) return blocked;
  const { facts, identity } = call;
  const snapshot = gateway.limits(identity);
  call.snapshotVersion = snapshot.version;
  call.limits = facts.free ? [] : snapshot.match({ ...matchOf(call), model: facts.model });
  call.price = facts.free
    ? freePriceRow(call.provider)
    : gateway.prices.find(call.provider, facts.model, call.startedMs);
  const estimated = estimateCall(gateway, call, null);
  call.priced = estimated !== null;
  call.estimate = estimated ?? estimateUnpriced(call, null);
  return keyRules(gateway, call) ?? decide({ facts, priceKnown: call.priced, limits: call.limits });
}
