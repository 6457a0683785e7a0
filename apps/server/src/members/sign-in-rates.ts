import { Problem } from "../control/problem.ts";
import { LastSeen, networkOf } from "../control/last-seen.ts";

/** Of one member and one address, then of one member: the second keeps guesses from many places in bounds. */
const OF_MEMBER_AND_ADDRESS = 10;
const OF_MEMBER = 60;

/**
 * How often somebody may try to sign in. A try counts before its password is looked at, so that many at once are as many as one after
 * another, and is given back when it was right.
 */
export class SignInRates {
  readonly #failuresPerMinute: number;
  readonly #now: () => number;
  readonly #tries = new LastSeen();

  /** `failuresPerMinute`: of one address, whoever it names; 0 = any number. */
  constructor(failuresPerMinute: number, now: () => number) {
    this.#failuresPerMinute = failuresPerMinute;
    this.#now = now;
  }

  /** Counts a try for `who`; what it answers gives it back. Throws RATE_LIMITED. */
  take(who: string, remoteAddress: string): () => void {
    const address = networkOf(remoteAddress);
    const nowMs = this.#now();
    const rates = [
      this.#tries.of(`both ${address} ${who}`, OF_MEMBER_AND_ADDRESS),
      this.#tries.of(`member ${who}`, OF_MEMBER),
      ...(this.#failuresPerMinute === 0 ? [] : [this.#tries.of(`address ${address}`, this.#failuresPerMinute)]),
    ];
    const waitMs = Math.max(...rates.map((rate) => rate.waitMs(1, nowMs)));
    const seconds = Math.ceil(waitMs / 1_000);
    if (waitMs > 0)
      throw new Problem("RATE_LIMITED", `Too many tries to sign in; the next one fits in ${seconds} s`, [], seconds);
    for (const rate of rates) rate.add(1, nowMs);
    return () => rates.forEach((rate) => rate.add(-1, this.#now()));
  }
}
