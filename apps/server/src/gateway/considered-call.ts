import type { CallFacts } from "@tollhouse/contract";
import type { Estimate, Limit, PriceRow } from "@tollhouse/engine";
import type { Identity } from "./identify.ts";

/** A call as the rules see it, whichever way it came in: through the gateway, or named by an SDK's `check`. */
export interface ConsideredCall {
  /** 32 hex digits of a UUIDv7. */
  readonly decision: string;
  readonly startedMs: number;
  readonly provider: string;
  identity: Identity;
  facts: CallFacts;
  price: PriceRow | null;
  /** Is the estimate made of prices? False: no price is known, and nothing but tokens and requests is reserved. */
  priced: boolean;
  estimate: Estimate;
  limits: readonly Limit[];
  snapshotVersion: number;
  /** Counted for it on its key's rate of tokens. */
  rateTokens: number;
}

/** What limits are found by. */
export function matchOf(call: ConsideredCall): {
  dimensions: Identity["dimensions"];
  provider: string;
  key: string | null;
} {
  return { dimensions: call.identity.dimensions, provider: call.provider, key: call.identity.key };
}
