import type { Amounts } from "@tollhouse/engine";

/** A verb on a reservation that cannot take it: a bug of the caller (every reservation has exactly one end). */
export class ReservationError extends Error {
  override readonly name = "ReservationError";
  readonly reservationId: string;
  readonly state: "unknown" | "pending" | "settled" | "released" | "expired";

  constructor(reservationId: string, state: ReservationError["state"], verb: "extend" | "settle") {
    super(`${verb}: reservation ${reservationId} is ${state}`);
    this.reservationId = reservationId;
    this.state = state;
  }
}

/** Largest amount of a call and of a counter: the database's and the ledger's i64. */
const AMOUNT_MAX = (1n << 63n) - 1n;

/** A negative amount would give room away, and one beyond 64 bits cannot be written down. */
export function checkAmounts(amounts: Amounts): void {
  checkAmount("usd", amounts.usd);
  checkAmount("tokens", amounts.tokens);
  checkAmount("requests", amounts.requests);
}

function checkAmount(measure: string, amount: bigint): void {
  if (amount < 0n || amount > AMOUNT_MAX)
    throw new RangeError(`${measure}: expected from 0 to ${AMOUNT_MAX}, got ${amount}`);
}
