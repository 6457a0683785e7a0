/** How much of its threshold a scope has reached: nothing at all, below half of it, or more. */
export type Closeness = "idle" | "calm" | "near";

export interface ScopeTableOptions<T> {
  /** Asked each time: it may shrink while others come to share it. */
  readonly scopesMax: () => number;
  /** Nobody is idle who was looked for within this time. */
  readonly turnMs: number;
  readonly closeness: (of: T, nowMs: number) => Closeness;
  /** One was forgotten before its time, because of the bound. */
  readonly onEvicted?: () => void;
}

/**
 * What is remembered of each value of a dimension, bounded. Values that nobody asks for fall out after one to two turns, all at
 * once and without a timer: there are three maps, and at each turn what was not looked for since the last one is dropped with
 * its map. Where the bound is reached, those not looked for since the last turn go first, then the others below half of their
 * threshold, and those nearer to it only where there is nobody else.
 */
export class ScopeTable<T> {
  readonly #options: ScopeTableOptions<T>;
  #near = new Map<string, T>();
  #recent = new Map<string, T>();
  #older = new Map<string, T>();
  #turnsAtMs = 0;
  /** Where evictions have come to, in the map they take from. */
  #hand: { readonly of: Map<string, T>; readonly keys: MapIterator<string> } | null = null;

  constructor(options: ScopeTableOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#near.size + this.#recent.size + this.#older.size;
  }

  find(value: string, nowMs: number): T | undefined {
    if (nowMs >= this.#turnsAtMs) this.#turn(nowMs);
    const found = this.#near.get(value) ?? this.#recent.get(value);
    if (found !== undefined) return found;
    const old = this.#older.get(value);
    if (old === undefined) return undefined;
    this.#older.delete(value);
    this.#recent.set(value, old);
    return old;
  }

  /** Of a value that `find` does not find. */
  add(value: string, made: T): T {
    const scopesMax = this.#options.scopesMax();
    // A bound that has shrunk is reached by one more than comes, each time.
    for (let i = 0; i < 2 && this.size >= scopesMax; i++) this.#evict();
    this.#recent.set(value, made);
    return made;
  }

  /** After its amount has grown: one that came near is kept before all others. */
  rank(value: string, of: T, nowMs: number): void {
    if (this.#near.has(value) || this.#options.closeness(of, nowMs) !== "near") return;
    if (this.#recent.delete(value)) this.#near.set(value, of);
  }

  /** False: another one stands for the value by now. */
  delete(value: string, of: T): boolean {
    for (const map of [this.#near, this.#recent, this.#older]) if (map.get(value) === of) return map.delete(value);
    return false;
  }

  #turn(nowMs: number): void {
    const { closeness, turnMs } = this.#options;
    const kept = this.#recent;
    const near = new Map<string, T>();
    for (const map of [this.#near, this.#older])
      for (const [value, of] of map) {
        const now = closeness(of, nowMs);
        if (now === "near") near.set(value, of);
        // Not looked for, and not idle: held by a call that takes longer than the window.
        else if (now === "calm") kept.set(value, of);
      }
    this.#near = near;
    this.#older = kept;
    this.#recent = new Map();
    this.#turnsAtMs = nowMs + turnMs;
  }

  #evict(): void {
    const map = [this.#older, this.#recent, this.#near].find(({ size }) => size > 0);
    if (map === undefined) return;
    // A map's iterator goes on where it was; a new one would walk over everything that was deleted at the map's start.
    if (this.#hand?.of !== map) this.#hand = { of: map, keys: map.keys() };
    let next = this.#hand.keys.next();
    if (next.done === true) {
      this.#hand = { of: map, keys: map.keys() };
      next = this.#hand.keys.next();
    }
    if (next.done === true) return;
    map.delete(next.value);
    this.#options.onEvicted?.();
  }
}
