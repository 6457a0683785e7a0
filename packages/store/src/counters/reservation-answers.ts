import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta, CounterState, Refused, Reserved } from "./counter-store.ts";
import type { Reservation } from "./ended-reservations.ts";
import { amountFor, type Counter, type LimitCounters } from "./limit-counters.ts";

/** `counter` was settled above what the reservation held. Counted in full all the same; the limit blocks from here on. */
export interface Overrun {
  readonly reservationId: string;
  readonly limit: Limit;
  readonly windowId: string;
  /** Above zero, in the limit's unit. */
  readonly amount: bigint;
}

export function limitOf(counter: Counter): Limit {
  const { limit } = counter.of;
  if (limit === null) throw new Error(`counter ${counter.windowId}: reserved before its limit was known`);
  return limit;
}

/** The limit whose amount and mode hold for a call that gave `given`. */
export function inForce(counters: LimitCounters, given: Limit): Limit {
  return given.perCall === undefined ? (counters.limit ?? given) : given;
}

export function heldTo({ limits }: Reservation, i: number, counter: Counter): Limit {
  const given = limits?.[i];
  return given === undefined ? limitOf(counter) : inForce(counter.of, given);
}

/** Amounts and modes of a call's own, as they are now. A limit that is no longer among them goes on holding as it was. */
export function heldToNow(given: readonly Limit[] | null, now: readonly Limit[]): readonly Limit[] | null {
  return given?.map((limit) => (limit.perCall && now.find(({ id }) => id === limit.id)) || limit) ?? null;
}

export function reserved(of: Reservation): Reserved {
  return {
    outcome: "reserved",
    states: of.counters.map((counter, i) => counter.of.stateOf(counter, heldTo(of, i, counter))),
  };
}

export function refusal(by: CounterState, required: bigint): Refused {
  return { outcome: "refused", by, required };
}

export function overrunsOf(reservationId: string, held: Reservation, used: Amounts): readonly Overrun[] {
  if (used.usd <= held.usd && used.tokens <= held.tokens && used.requests <= held.requests) return [];
  return held.counters.flatMap((counter) => {
    const limit = limitOf(counter);
    const amount = amountFor(limit, used) - amountFor(limit, held);
    return amount > 0n ? [{ reservationId, limit, windowId: counter.windowId, amount }] : [];
  });
}

/** Cheap form of invariant 2 for production; `audit` is the full one. A bug, so it fails loudly, after the write. */
export function assertWhole(counters: readonly Counter[]): void {
  for (const counter of counters)
    if (counter.reserved < 0n || (counter.pending === 0 && counter.reserved !== 0n))
      throw new Error(`counter ${limitOf(counter).id} ${counter.windowId}: reserved is not the sum of what is held`);
}

export function deltasOf(reservation: Reservation): readonly CounterDelta[] {
  return reservation.counters.map((counter) => {
    const limit = limitOf(counter);
    return { limitId: limit.id, windowId: counter.windowId, amount: amountFor(limit, reservation) };
  });
}
