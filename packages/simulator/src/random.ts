/** A small deterministic generator (mulberry32): the same seed and key give the same numbers on every machine. */
export class Random {
  private state: number;

  constructor(seed: number, key: string | number) {
    let hash = (seed ^ 0x811c9dc5) >>> 0;
    if (typeof key === "number") hash = Math.imul(hash ^ key, 0x9e3779b1);
    else for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    this.state = hash >>> 0;
  }

  /** 0 … 2³²−1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1));
  }

  /** True in `share` (0 … 1) of all cases. */
  chance(share: number): boolean {
    return this.next() / 0x1_0000_0000 < share;
  }
}
