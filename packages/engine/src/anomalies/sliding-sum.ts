/** Parts of a window. One more is summed: the oldest counts whole, as long as any of it is inside the window. */
export const SLOTS = 20;

/**
 * A sum over the last `SLOTS` slots and the one that has begun. It holds everything of a window of so many slots, and at most one
 * slot more: strict by up to a twentieth of the window, never lenient. A slot is a number that grows with time; how long one is,
 * the caller knows.
 */
export class SlidingSum {
  #first = 0;
  /** From `#first` on, one a slot. At most SLOTS + 1. */
  #amounts: bigint[] = [];
  #total = 0n;

  /** A clock that went back counts into the newest slot, where it stays longest. */
  add(amount: bigint, slot: number): void {
    this.#forgetBefore(slot);
    const amounts = this.#amounts;
    if (amounts.length === 0) this.#first = slot;
    const length = slot - this.#first + 1;
    // Made anew and not pushed to: an array that grows has room for 17, and there is one for each of a hundred thousand scopes.
    if (length > amounts.length) this.#amounts = Array.from({ length }, (_, at) => amounts[at] ?? 0n);
    this.#amounts[this.#amounts.length - 1]! += amount;
    this.#total += amount;
  }

  total(slot: number): bigint {
    this.#forgetBefore(slot);
    return this.#total;
  }

  clear(): void {
    this.#amounts = [];
    this.#total = 0n;
  }

  /** The first slot in which no more than `most` is left of what is here now; null = there is none. */
  slotOfRest(most: bigint): number | null {
    let rest = this.#total;
    for (const [at, amount] of this.#amounts.entries()) {
      rest -= amount;
      if (rest <= most) return this.#first + at + SLOTS + 1;
    }
    return null;
  }

  #forgetBefore(slot: number): void {
    const amounts = this.#amounts;
    const gone = Math.min(slot - SLOTS - this.#first, amounts.length);
    if (gone <= 0) return;
    if (gone === amounts.length) return this.clear();
    for (let at = 0; at < gone; at++) this.#total -= amounts[at]!;
    amounts.splice(0, gone);
    this.#first += gone;
  }
}
