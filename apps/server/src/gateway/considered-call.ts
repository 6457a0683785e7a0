import type { CallFacts, Endpoint } from "@tollhouse/contract";
import type { Estimate, Limit, PriceRow } from "@tollhouse/engine";
import type { Uncounted } from "@tollhouse/store";
import type { PolicyDecision } from "../policies/policy-decision.ts";
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
  /** What policies decided; null = none applies. Set with the limits. */
  policy?: PolicyDecision | null;
  /** Of the policies and plans that its limits are of. */
  policyRevision?: number;
  /** The model that the call came with, where a policy put a cheaper one in its place. */
  askedModel?: string | null;
  /** Set where it was admitted though its limits could not be read. */
  uncounted?: Uncounted;
  /** Counted for it on its key's rate of tokens. */
  rateTokens: number;
  /** The request as it came; absent where only its sizes are named. */
  readonly raw?: Buffer | null;
  /** What its sender says it is the same as, where the request itself is not here. Rules compare it, and nothing reads it. */
  readonly fingerprint?: string | null;
}

/** One that may be refused before its intent, whoever would have made it. */
export interface BlockedCall extends ConsideredCall {
  /** Monotonic, for latencies. */
  readonly startedAt: number;
  readonly route: { readonly endpoint: Endpoint };
}

/** What limits are found by. */
export function matchOf(call: Pick<ConsideredCall, "identity" | "provider">): {
  dimensions: Identity["dimensions"];
  provider: string;
  key: string | null;
} {
  return { dimensions: call.identity.dimensions, provider: call.provider, key: call.identity.key };
}
