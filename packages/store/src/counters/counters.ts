import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta, CounterState, Reserved, ReserveResult, Room } from "./counter-store.ts";

/**
 * What a node counts the calls of one tenant with, whether their counters are in its own memory or are shared by several nodes. In memory
 * everything is answered at once; shared, what decides is asked for, and an end is known here at once and told to the store behind it.
 *
 * `reserve`, `extend`, `look` and `room` throw (or reject with) CountersUnavailable where the shared store cannot answer: nothing is then
 * held, or given back without the caller. An end is never refused.
 */
export interface Counters {
  reserve(
    id: string,
    limits: readonly Limit[],
    amounts: Amounts,
    nowMs: number,
  ): ReserveResult | Promise<ReserveResult>;
  extend(id: string, more: Amounts, inForceNow?: readonly Limit[] | null): ReserveResult | Promise<ReserveResult>;
  /** Ends the reservation. The deltas are those of the ledger entry: the caller writes it in the same turn. */
  settle(id: string, used: Amounts): readonly CounterDelta[];
  release(id: string): void;
  /** What the call `id` used on a limit that it held nothing of. Once a call and limit. */
  add(limit: Limit, atMs: number, used: bigint, id: string): CounterDelta;
  /** As this node saw it last; null = it never did, in this window. */
  read(limit: Limit, nowMs: number): CounterState | null;
  /** As they stand now. */
  look(limits: readonly Limit[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]>;
  /** The least room left over all hard limits of these, as it stood within the last second: advice, the reservation decides. */
  room(limits: readonly Limit[], nowMs: number): Room | Promise<Room>;
  /** A reservation that the process before made: it holds on, on this node. */
  restore(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): void;
  /**
   * While the store cannot answer: lets the call go within what this node may spend without being counted. Null = it may not. Its ends
   * are the usual ones.
   */
  admitUncounted(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Uncounted | null;
  /** The same for the extension of a running one. */
  extendUncounted(id: string, more: Amounts): boolean;
}

/** Admitted though its limits could not be read. */
export interface Uncounted extends Reserved {
  /** Those of its limits that this node had seen; their numbers may be old. */
  readonly states: Reserved["states"];
  /** What it will be counted on, one a limit. */
  readonly counters: readonly { readonly limit: Limit; readonly windowId: string }[];
  /** What this node may spend so, and what is left of it after this call. Nano-dollars. */
  readonly of: bigint;
  readonly left: bigint;
}
