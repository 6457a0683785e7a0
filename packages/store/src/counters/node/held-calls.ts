import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta } from "../counter-store.ts";
import { amountFor } from "../limit-counters.ts";

export interface HeldCounter {
  readonly limit: Limit;
  readonly windowId: string;
}

/** A reservation of this node, as far as its end needs it: the store's own is found by its id. */
export interface HeldCall {
  readonly counters: readonly HeldCounter[];
  usd: bigint;
  tokens: bigint;
  requests: bigint;
  /** Does the store hold it? False: it was admitted while the store could not answer. */
  readonly counted: boolean;
  /** Nano-dollars of the node's allowance that it has; null = it needs none. */
  allowed: bigint | null;
  /** How often this node had laid down for a rebuild when it was admitted. -1: by a process before. */
  readonly generation: number;
}

export function heldOf(
  counters: readonly HeldCounter[],
  { usd, tokens, requests }: Amounts,
  of: Pick<HeldCall, "counted" | "allowed" | "generation">,
): HeldCall {
  return { counters, usd, tokens, requests, ...of };
}

export function grow(held: HeldCall, more: Amounts): void {
  held.usd += more.usd;
  held.tokens += more.tokens;
  held.requests += more.requests;
}

export function deltasOf({ counters }: HeldCall, used: Amounts): readonly CounterDelta[] {
  return counters.map(({ limit, windowId }) => ({ limitId: limit.id, windowId, amount: amountFor(limit, used) }));
}
