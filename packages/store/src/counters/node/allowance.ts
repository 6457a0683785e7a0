/**
 * What a node may spend without being counted (FAIL_MODE=open). Given back only as it is counted after all: a store that comes and
 * goes renews nothing, and however long it is away, no more than this is ever uncounted.
 */
export class Allowance {
  /** Nano-dollars. */
  readonly of: bigint;
  #used = 0n;

  constructor(of: bigint) {
    this.of = of;
  }

  get used(): bigint {
    return this.#used;
  }

  get left(): bigint {
    return this.#used >= this.of ? 0n : this.of - this.#used;
  }

  take(usd: bigint): boolean {
    if (usd > this.left) return false;
    this.#used += usd;
    return true;
  }

  /** A call used other than it held: more is taken even where there is no more, for it was spent. */
  correct(held: bigint, used: bigint): void {
    this.#used += used - held;
  }

  giveBack(usd: bigint): void {
    this.#used -= usd;
  }
}
