import type { Amounts, Limit, Window } from "@tollhouse/engine";
import { ROLLING_SLOT_MS, rollingSlots, windowAt, windowOfId } from "@tollhouse/engine";
import type { CounterState } from "./counter-store.ts";

/** One counter: a limit in one window (of `rolling_24h`: in one slot). */
export interface Counter {
  readonly of: LimitCounters;
  readonly windowId: string;
  settled: bigint;
  reserved: bigint;
  /** Reservations that hold on it. */
  pending: number;
  /** Its settled amount came from outside a reservation, or above one: invariant 1 cannot hold for it by construction. */
  exempt: boolean;
}

/** A clock may step back this far before an ended window is needed again. */
const KEPT_AFTER_END_MS = 3_600_000;
/** The longest calendar window, for a seeded counter whose limit nobody has shown yet. */
const MONTH_MS = 31 * 86_400_000;
const ROLLING_MS = 97 * ROLLING_SLOT_MS;

/** The counters of one limit over its windows, with the current one at hand. */
export class LimitCounters {
  limit: Limit | null = null;
  /** Number of the reserve that looked at it last: recognises a limit that is given twice in one call. */
  lookedAt = 0;
  readonly #counters = new Map<string, Counter>();
  #current: Counter | null = null;
  /** Of the current counter. */
  #window: Window = { id: "", startMs: 0, endMs: 0 };
  /** Only `rolling_24h`: the slot since which all count, their settled sum, and what is held in any slot. */
  #rolling = false;
  #oldestSlot = 0;
  #settledSum = 0n;
  #reservedSum = 0n;

  /** Takes a newer version of the limit; an older one (a call that began before a change) changes nothing. */
  adopt(limit: Limit): void {
    const known = this.limit;
    if (known !== null && limit.perCall !== undefined) return this.#assertSame(known, limit);
    if (known !== null && known.perCall === undefined && limit.version < known.version) return;
    if (known !== null) this.#assertSame(known, limit);
    this.limit = limit;
    this.#rolling = limit.window === "rolling_24h";
    if (known !== null && (known.perCall !== undefined || limit.amount < known.amount || limit.mode !== known.mode))
      this.#exemptAll();
  }

  /** The counter of the window at this instant, made where there is none. */
  at(nowMs: number): Counter {
    const current = this.#current;
    return current !== null && nowMs >= this.#window.startMs && nowMs < this.#window.endMs
      ? current
      : this.#turn(nowMs);
  }

  /** Settled as the limit sees it: for `rolling_24h` the sum since the oldest slot that counted at the last `at`. */
  settledOf(counter: Counter): bigint {
    return this.#rolling ? this.#settledSum : counter.settled;
  }

  /**
   * Held as the limit sees it. For `rolling_24h` what is held counts however old its slot: the money is still to come.
   */
  reservedOf(counter: Counter): bigint {
    return this.#rolling ? this.#reservedSum : counter.reserved;
  }

  fits(counter: Counter, limit: Limit, amount: bigint): boolean {
    return limit.mode === "soft" || this.settledOf(counter) + this.reservedOf(counter) + amount <= limit.amount;
  }

  hold(counter: Counter, amount: bigint): void {
    counter.reserved += amount;
    if (this.#rolling) this.#reservedSum += amount;
  }

  /** Ends one reservation on this counter: `held` goes, `used` stays, in full also where it is more (an overrun). */
  end(counter: Counter, held: bigint, used: bigint): void {
    if (used > held) counter.exempt = true;
    counter.reserved -= held;
    counter.pending -= 1;
    if (this.#rolling) this.#reservedSum -= held;
    this.settle(counter, used);
  }

  settle(counter: Counter, used: bigint): void {
    counter.settled += used;
    if (this.#rolling && Number(counter.windowId) >= this.#oldestSlot) this.#settledSum += used;
  }

  /** SET, never added to: a seed that is given twice is the same seed. */
  seed(windowId: string, settled: bigint): void {
    const counter = this.#counters.get(windowId) ?? this.#make(windowId);
    counter.settled = settled;
    counter.exempt = true;
    if (this.#rolling) this.#sumSlots();
  }

  state(limit: Limit, nowMs: number): CounterState {
    const counter = this.at(nowMs);
    return this.stateOf(counter, limit);
  }

  stateOf(counter: Counter, limit: Limit): CounterState {
    return {
      limit,
      window: counter === this.#current ? this.#window : this.#windowOf(counter, limit),
      settled: this.settledOf(counter),
      reserved: this.reservedOf(counter),
    };
  }

  settledIn(windowId: string): bigint {
    return this.#counters.get(windowId)?.settled ?? 0n;
  }

  counters(): Iterable<Counter> {
    return this.#counters.values();
  }

  /** Drops counters of windows that ended well before `nowMs` and hold nothing. */
  sweep(nowMs: number): number {
    let dropped = 0;
    for (const counter of this.#counters.values()) {
      if (counter.pending > 0 || this.#neededUntilMs(counter) > nowMs) continue;
      this.#counters.delete(counter.windowId);
      if (counter === this.#current) this.#current = null;
      dropped++;
    }
    if (dropped > 0 && this.#rolling) this.#sumSlots();
    return dropped;
  }

  /**
   * The settled amount, where that is all there is to remember: one lifetime counter that nothing holds on, of a limit that is derived
   * again for every call (one that was made keeps its version, which an older call must not undo). Null = there is more.
   */
  asIdle(): bigint | null {
    const { limit } = this;
    if (limit !== null && !limit.derived && limit.perCall === undefined) return null;
    const counter = this.#counters.size === 1 ? this.#counters.get("lifetime") : undefined;
    return counter === undefined || counter.pending > 0 ? null : counter.settled;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** The most that one of them stands above the amount of a hard limit without an overrun: invariant 1 says 0. */
  overspend(): bigint {
    let most = 0n;
    for (const counter of this.#counters.values()) {
      const overspend = this.#overspendOf(counter);
      if (overspend > most) most = overspend;
    }
    return most;
  }

  /** What is wrong, in words; empty where all is well. */
  audit(held: ReadonlyMap<Counter, bigint>): string[] {
    const broken: string[] = [];
    let reservedSum = 0n;
    let settledSum = 0n;
    for (const counter of this.#counters.values()) {
      const name = `${this.limit?.id} ${counter.windowId}`;
      reservedSum += counter.reserved;
      if (Number(counter.windowId) >= this.#oldestSlot) settledSum += counter.settled;
      if (counter.reserved !== (held.get(counter) ?? 0n))
        broken.push(`${name}: reserved ${counter.reserved}, but pending reservations hold ${held.get(counter) ?? 0n}`);
      if (this.#overspendOf(counter) > 0n)
        broken.push(`${name}: ${counter.settled} + ${counter.reserved} is above ${this.limit?.amount}`);
    }
    if (this.#rolling && (reservedSum !== this.#reservedSum || settledSum !== this.#settledSum))
      broken.push(`${this.limit?.id}: the sums over its slots are wrong`);
    return broken;
  }

  #overspendOf(counter: Counter): bigint {
    const { limit } = this;
    if (limit?.mode !== "hard" || limit.perCall !== undefined || counter.exempt) return 0n;
    const over = counter.settled + counter.reserved - limit.amount;
    return over > 0n ? over : 0n;
  }

  #turn(nowMs: number): Counter {
    const limit = this.limit;
    if (limit === null) throw new Error("a counter was asked for before its limit was known");
    const window = windowAt(limit.window, limit.timeZone, nowMs);
    const counter = this.#counters.get(window.id) ?? this.#make(window.id);
    this.#current = counter;
    this.#window = window;
    if (this.#rolling) {
      this.#oldestSlot = rollingSlots(nowMs).oldest;
      this.#sumSlots();
    }
    return counter;
  }

  /** Slots after the current one count too: they were used before the clock stepped back. */
  #sumSlots(): void {
    this.#settledSum = 0n;
    this.#reservedSum = 0n;
    for (const counter of this.#counters.values()) {
      this.#reservedSum += counter.reserved;
      if (Number(counter.windowId) >= this.#oldestSlot) this.#settledSum += counter.settled;
    }
  }

  #make(windowId: string): Counter {
    const counter: Counter = { of: this, windowId, settled: 0n, reserved: 0n, pending: 0, exempt: false };
    this.#counters.set(windowId, counter);
    return counter;
  }

  #exemptAll(): void {
    for (const counter of this.#counters.values()) counter.exempt = true;
  }

  #windowOf(counter: Counter, limit: Limit): Window {
    const window = windowOfId(limit.window, limit.timeZone, counter.windowId);
    if (window === null) throw new Error(`counter ${limit.id} ${counter.windowId}: no window has this id`);
    return window;
  }

  #neededUntilMs(counter: Counter): number {
    if (counter.windowId === "lifetime") return Infinity;
    const slot = Number(counter.windowId);
    if (Number.isInteger(slot)) return slot * ROLLING_SLOT_MS + ROLLING_MS + KEPT_AFTER_END_MS;
    const window = this.limit && windowOfId(this.limit.window, this.limit.timeZone, counter.windowId);
    return (window?.endMs ?? Date.parse(counter.windowId) + MONTH_MS) + KEPT_AFTER_END_MS;
  }

  #assertSame(known: Limit, limit: Limit): void {
    if (known.measure === limit.measure && known.window === limit.window && known.timeZone === limit.timeZone) return;
    throw new Error(`${limit.id}: measure, window and time zone of a limit never change; make another limit`);
  }
}

/** The part of a call that a limit counts. */
export function amountFor(limit: Limit, amounts: Amounts): bigint {
  switch (limit.measure) {
    case "usd":
      return amounts.usd;
    case "tokens":
      return amounts.tokens;
    case "requests":
      return amounts.requests;
  }
}
