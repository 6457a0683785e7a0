import type { Amounts, Limit, Window } from "@tollhouse/engine";

/** State of one counter: what is settled and what is held, in the limit's unit. */
export interface CounterState {
  readonly limit: Limit;
  readonly window: Window;
  readonly settled: bigint;
  readonly reserved: bigint;
}

/** A limit that refused, with its counter as it stood and the amount that did not fit. */
export interface Refused {
  readonly outcome: "refused";
  /** First in the order the limits were given; the caller orders them as product.md §2 says. */
  readonly by: CounterState;
  readonly required: bigint;
}

export interface Reserved {
  readonly outcome: "reserved";
  /** One a limit, in the order given, after the reservation. */
  readonly states: readonly CounterState[];
}

export type ReserveResult = Reserved | Refused;

/** What a settled call did to one counter; becomes part of the ledger entry, so that counters can be folded from it. */
export interface CounterDelta {
  readonly limitId: string;
  readonly windowId: string;
  readonly amount: bigint;
}

/**
 * Counters of limits. Every verb is atomic over all limits of the call, and idempotent by reservation id: a repeated verb
 * returns the first outcome and changes nothing.
 *
 * An implementation MUST refuse when any *hard* limit would have `settled + reserved + amount > limit` and then write
 * nothing; MUST NOT refuse otherwise; MUST keep the window that was current at `reserve` for the whole life of the
 * reservation (a call that crosses midnight settles where it was reserved). Soft limits are counted and never refuse.
 *
 * A caller MUST end every reservation exactly once (settle or release).
 */
export interface CounterStore {
  reserve(
    id: string,
    limits: readonly Limit[],
    amounts: Amounts,
    nowMs: number,
  ): ReserveResult | Promise<ReserveResult>;
  /**
   * Adds to a pending reservation, or refuses and leaves it as it was. An ended or unknown reservation refuses to extend: throws.
   * `inForceNow`: the call's limits where they changed since; those whose amount is the call's own (`perCall`) hold it to the new one.
   */
  extend(id: string, more: Amounts, inForceNow?: readonly Limit[] | null): ReserveResult | Promise<ReserveResult>;
  /**
   * Ends the reservation with what was really used. Returns the deltas per counter. Where the use is above what was held
   * (an overrun), it is counted in full all the same. Settling twice returns the first deltas.
   */
  settle(id: string, used: Amounts): readonly CounterDelta[] | Promise<readonly CounterDelta[]>;
  /** Ends the reservation with nothing used. Releasing twice, or an unknown id, changes nothing. */
  release(id: string): void | Promise<void>;
  /** The counter of a limit in its window at `nowMs`. For `rolling_24h`: the sum over the slots that count. */
  read(limit: Limit, nowMs: number): CounterState | Promise<CounterState>;
  /** The least room left over all *hard* limits of these, by measure; null = no hard limit of that measure. */
  room(limits: readonly Limit[], nowMs: number): Room | Promise<Room>;
}

export interface Room {
  readonly usd: bigint | null;
  readonly tokens: bigint | null;
  readonly requests: bigint | null;
}
