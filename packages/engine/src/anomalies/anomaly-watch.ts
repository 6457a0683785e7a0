import { reachOf, type AnomalyRule } from "./anomaly-rule.ts";
import { ScopeTable, type Closeness, type ScopeTableOptions } from "./scope-table.ts";
import { SlidingSum, SLOTS } from "./sliding-sum.ts";

/** What a rule remembers of one value of its dimension. Handed out to be given back, and not to be looked into. */
export class Track extends SlidingSum {
  /** Of the last request, where the rule looks for loops; the sum is that of the requests in a row that had it. */
  fingerprint: string | null = null;
  /** What open calls hold, nano-dollars. */
  held = 0n;
}

/** The rule's threshold was reached by this value. */
export interface Triggered {
  readonly track: Track;
  /** Requests, or nano-dollars within the window. */
  readonly sum: bigint;
  /** Milliseconds until the rule would let a request pass again if nobody asked till then; null = that cannot be told. */
  readonly waitMs: number | null;
}

/** How many values are remembered, and who is told of those that are forgotten for it. */
export type ScopeBound = Pick<ScopeTableOptions<Track>, "scopesMax" | "onEvicted">;

/** A scope's sum is nothing after one window and one slot; a turn is a little longer. */
const TURN_SLOTS = SLOTS + 2;

/**
 * One rule, and what it remembers of each value of its dimension. Time is an argument and never goes back far; everything is in
 * memory, and bounded. Windows are slid in slots: see SlidingSum for the error, which is on the strict side.
 */
export class AnomalyWatch {
  #rule: AnomalyRule;
  #reach: bigint;
  #slotMs: number;
  #table: ScopeTable<Track>;
  readonly #bound: ScopeBound;

  constructor(rule: AnomalyRule, bound: ScopeBound) {
    this.#rule = rule;
    this.#reach = reachOf(rule);
    this.#slotMs = slotMsOf(rule);
    this.#bound = bound;
    this.#table = this.#newTable();
  }

  get rule(): AnomalyRule {
    return this.#rule;
  }

  get scopes(): number {
    return this.#table.size;
  }

  /** The same rule, changed. What was counted goes on to count, but for another window: that one begins with nothing. */
  change(rule: AnomalyRule): void {
    const sameWindow = rule.windowSeconds === this.#rule.windowSeconds;
    this.#rule = rule;
    this.#reach = reachOf(rule);
    this.#slotMs = slotMsOf(rule);
    if (!sameWindow) this.#table = this.#newTable();
  }

  /**
   * A request of `value`: counted, unless the rule is about spend. Of a loop, one without a fingerprint is neither counted nor does it
   * end a row: nobody knows what it was.
   */
  look(value: string, fingerprint: string | null, nowMs: number): Triggered | null {
    const track =
      this.#rule.kind === "velocity" ? this.#table.find(value, nowMs) : this.#count(value, fingerprint, nowMs);
    if (track === undefined) return null;
    const sum = this.#load(track, nowMs);
    return sum < this.#reach ? null : { track, sum, waitMs: this.#waitMs(track, nowMs) };
  }

  /** What a call of `value` cost. */
  spent(value: string, nano: bigint, nowMs: number): void {
    if (nano <= 0n) return;
    const track = this.#trackOf(value, nowMs);
    track.add(nano, this.#slot(nowMs));
    this.#table.rank(value, track, nowMs);
  }

  /** A call of `value` holds so much until `release` is told the same. */
  hold(value: string, nano: bigint, nowMs: number): Track {
    const track = this.#trackOf(value, nowMs);
    track.held += nano;
    this.#table.rank(value, track, nowMs);
    return track;
  }

  release(track: Track, nano: bigint): void {
    track.held -= nano;
    if (track.held < 0n) throw new RangeError(`${this.#rule.id}: more was released than was held`);
  }

  /** What happened so far is dealt with: the value starts anew. Open calls of before do not count for it. */
  forget(value: string, track: Track): void {
    this.#table.delete(value, track);
  }

  #count(value: string, fingerprint: string | null, nowMs: number): Track | undefined {
    const loop = this.#rule.kind === "loop";
    if (loop && fingerprint === null) return undefined;
    const track = this.#trackOf(value, nowMs);
    if (loop && track.fingerprint !== fingerprint) {
      track.clear();
      track.fingerprint = fingerprint;
    }
    track.add(1n, this.#slot(nowMs));
    this.#table.rank(value, track, nowMs);
    return track;
  }

  #load(track: Track, nowMs: number): bigint {
    return track.total(this.#slot(nowMs)) + track.held;
  }

  /** The same request again is what a loop rule is against: nobody is told when to repeat it. */
  #waitMs(track: Track, nowMs: number): number | null {
    const { kind } = this.#rule;
    if (kind === "loop") return null;
    // The request that is waited for counts itself; spend is looked at as it is then.
    const most = this.#reach - track.held - (kind === "burst" ? 2n : 1n);
    const slot = most < 0n ? null : track.slotOfRest(most);
    return slot === null ? null : slot * this.#slotMs - nowMs;
  }

  #trackOf(value: string, nowMs: number): Track {
    return this.#table.find(value, nowMs) ?? this.#table.add(value, new Track());
  }

  #slot(nowMs: number): number {
    return Math.floor(nowMs / this.#slotMs);
  }

  #newTable(): ScopeTable<Track> {
    const closeness = (track: Track, nowMs: number): Closeness => {
      const load = this.#load(track, nowMs);
      return load === 0n ? "idle" : load * 2n < this.#reach ? "calm" : "near";
    };
    return new ScopeTable({ ...this.#bound, turnMs: TURN_SLOTS * this.#slotMs, closeness });
  }
}

/** Whole: a window is a whole number of seconds. */
function slotMsOf({ windowSeconds }: AnomalyRule): number {
  return (windowSeconds * 1_000) / SLOTS;
}
