import type { Amounts, Limit } from "@tollhouse/engine";
import { windowAt } from "@tollhouse/engine";
import type { CounterDelta, CounterState, CounterStore, Refused, ReserveResult, Room } from "./counter-store.ts";
import type { Counters } from "./counters.ts";
import { EndedReservations, type Reservation } from "./ended-reservations.ts";
import { amountFor, type Counter, LimitCounters } from "./limit-counters.ts";
import {
  assertWhole,
  deltasOf,
  heldTo,
  heldToNow,
  inForce,
  limitOf,
  type Overrun,
  overrunsOf,
  refusal,
  reserved,
} from "./reservation-answers.ts";
import { checkAmounts, ReservationError } from "./reservation-error.ts";

/** How long ended reservations are remembered, so that a repeated verb gets its first answer. */
const ENDED_KEPT_MS = 10 * 60_000;
/** How far behind the clock `sweep` forgets: an instant before that counts as this one. */
const SWEEP_BEHIND_MS = 3_600_000;
const LIMITS_SWEPT_AT_ONCE = 20_000;
const LIFETIME = "lifetime";

export interface MemoryCounterOptions {
  readonly onOverrun?: (overrun: Overrun) => void;
}

/**
 * Counters of one process. Every verb runs in one turn of the event loop, so it is atomic; nothing here is awaited.
 * Not durable: seeded at start from the ledger's sums. A limit may be given once a call; its measure, window and time
 * zone never change; of two versions of a limit the higher counts, whichever is given.
 */
export class MemoryCounterStore implements CounterStore, Counters {
  readonly #limits = new Map<string, LimitCounters>();
  /** Settled amounts of lifetime counters that nobody uses now: every session of the past has one, and none ever ends. */
  readonly #idle = new Map<string, bigint>();
  readonly #pending = new Map<string, Reservation>();
  readonly #ended = new EndedReservations();
  readonly #onOverrun: ((overrun: Overrun) => void) | undefined;
  #overruns = 0;
  #overspendMax = 0n;
  #looks = 0;
  #latestMs = 0;
  /** Windows that ended before this may be gone: time never goes back past it. */
  #floorMs = -Infinity;
  #sweeping: Iterator<[string, LimitCounters]> | null = null;
  /** `#looks` at the start of this pass of the sweep, and of the one before: what was not looked at since is idle. */
  #looksAtPass: readonly [before: number, now: number] = [-1, 0];

  constructor(options: MemoryCounterOptions = {}) {
    this.#onOverrun = options.onOverrun;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Limits whose counters are at hand, in full; the others are laid down (`sweep`). */
  get awakeCount(): number {
    return this.#limits.size;
  }

  get overruns(): number {
    return this.#overruns;
  }

  /** The most that a hard limit was ever seen above its amount without an overrun, whenever a sweep came by: must be 0. */
  get overspendMax(): bigint {
    return this.#overspendMax;
  }

  reserve(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): ReserveResult {
    const known = this.#pending.get(id) ?? this.#ended.get(id);
    if (known !== undefined) return reserved(known);
    checkAmounts(amounts);
    const atMs = this.#clock(nowMs);
    const refused = this.#refusalOf(limits, amounts, atMs);
    if (refused !== null) return refused;
    return reserved(this.#hold(id, limits, amounts, atMs));
  }

  /**
   * At start: what a check of the process before still holds. It was admitted then, so nothing is refused now, whatever has become of
   * its limits.
   */
  restore(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): void {
    if (this.#pending.has(id)) return;
    checkAmounts(amounts);
    const { counters } = this.#hold(id, limits, amounts, this.#clock(nowMs));
    for (const counter of counters) counter.exempt = true;
  }

  extend(id: string, more: Amounts, inForceNow: readonly Limit[] | null = null): ReserveResult {
    const reservation = this.#pending.get(id);
    if (reservation === undefined) throw new ReservationError(id, this.#ended.get(id)?.end ?? "unknown", "extend");
    checkAmounts(more);
    if (inForceNow !== null) reservation.limits = heldToNow(reservation.limits, inForceNow);
    for (const [i, counter] of reservation.counters.entries()) {
      const limit = heldTo(reservation, i, counter);
      // Turns a rolling sum to the latest instant; the counter itself stays that of the reservation.
      if (limit.window === "rolling_24h") counter.of.at(this.#latestMs);
      const amount = amountFor(limit, more);
      if (!counter.of.fits(counter, limit, amount)) return refusal(counter.of.stateOf(counter, limit), amount);
    }
    for (const counter of reservation.counters) counter.of.hold(counter, amountFor(limitOf(counter), more));
    reservation.usd += more.usd;
    reservation.tokens += more.tokens;
    reservation.requests += more.requests;
    return reserved(reservation);
  }

  settle(id: string, used: Amounts): readonly CounterDelta[] {
    const reservation = this.#pending.get(id);
    if (reservation === undefined) {
      const ended = this.#ended.get(id);
      if (ended?.end !== "settled") throw new ReservationError(id, ended?.end ?? "unknown", "settle");
      return deltasOf(ended);
    }
    checkAmounts(used);
    const overruns = overrunsOf(id, reservation, used);
    this.#end(id, reservation, used, "settled");
    this.#overruns += overruns.length;
    for (const overrun of overruns) this.#onOverrun?.(overrun);
    return deltasOf(reservation);
  }

  release(id: string): void {
    const reservation = this.#pending.get(id);
    if (reservation !== undefined) this.#end(id, reservation, NOTHING, "released");
  }

  read(limit: Limit, nowMs: number): CounterState {
    const atMs = this.#clock(nowMs);
    const counters = this.#find(limit.id);
    // Reading makes no counter: looking at limits must not cost memory.
    if (counters === undefined)
      return { limit, window: windowAt(limit.window, limit.timeZone, atMs), settled: 0n, reserved: 0n };
    counters.adopt(limit);
    return counters.state(inForce(counters, limit), atMs);
  }

  look(limits: readonly Limit[], nowMs: number): readonly CounterState[] {
    return limits.map((limit) => this.read(limit, nowMs));
  }

  /** These counters always answer. */
  admitUncounted(): null {
    return null;
  }

  extendUncounted(): false {
    return false;
  }

  room(limits: readonly Limit[], nowMs: number): Room {
    const room: { usd: bigint | null; tokens: bigint | null; requests: bigint | null } = {
      usd: null,
      tokens: null,
      requests: null,
    };
    for (const limit of limits) {
      const state = this.read(limit, nowMs);
      if (state.limit.mode === "soft") continue;
      const free = state.limit.amount - state.settled - state.reserved;
      const left = free < 0n ? 0n : free;
      const least = room[limit.measure];
      if (least === null || left < least) room[limit.measure] = left;
    }
    return room;
  }

  /** At start: what the ledger says is settled. SETs the counter, so that seeding twice is seeding once. */
  seed(limitId: string, windowId: string, settled: bigint): void {
    const counters = this.#find(limitId);
    if (counters !== undefined) counters.seed(windowId, settled);
    else if (windowId === LIFETIME) this.#idle.set(limitId, settled);
    else this.#make(limitId).seed(windowId, settled);
  }

  /** Settled in one window (of `rolling_24h`: in one slot); 0 where there is no counter. */
  settledIn(limitId: string, windowId: string): bigint {
    return this.#find(limitId)?.settledIn(windowId) ?? 0n;
  }

  /** What a call used that was running when the limit came into force: counted without having been held. */
  add(limit: Limit, atMs: number, used: bigint): CounterDelta {
    if (used < 0n) throw new RangeError(`used: expected 0 or above, got ${used}`);
    const counters = this.#countersOf(limit);
    const counter = counters.at(this.#clock(atMs));
    counter.exempt = true;
    counters.settle(counter, used);
    return { limitId: limit.id, windowId: counter.windowId, amount: used };
  }

  /** A new amount or mode counts from the next reserve or extend on, also for calls that hold the older object. */
  changeLimit(limit: Limit): void {
    this.#find(limit.id)?.adopt(limit);
  }

  /** Every counter there is. Of `rolling_24h`: one a slot. */
  *dump(): Generator<{ limitId: string; windowId: string; settled: bigint; reserved: bigint }> {
    for (const [limitId, counters] of this.#limits)
      for (const { windowId, settled, reserved } of counters.counters()) yield { limitId, windowId, settled, reserved };
    for (const [limitId, settled] of this.#idle) yield { limitId, windowId: LIFETIME, settled, reserved: 0n };
  }

  /**
   * Forgets windows that ended an hour ago and reservations that ended ten minutes ago, and lays idle lifetime counters down. Bounded
   * work a call: it goes on where the last one stopped. Returns how many counters went.
   */
  sweep(nowMs: number): number {
    this.#floorMs = Math.max(this.#floorMs, nowMs - SWEEP_BEHIND_MS);
    this.#ended.forgetUntil(nowMs - ENDED_KEPT_MS);
    if (this.#sweeping === null) this.#looksAtPass = [this.#looksAtPass[1], this.#looks];
    this.#sweeping ??= this.#limits.entries();
    let dropped = 0;
    for (let i = 0; i < LIMITS_SWEPT_AT_ONCE; i++) {
      const next = this.#sweeping.next();
      if (next.done) {
        this.#sweeping = null;
        break;
      }
      const [limitId, counters] = next.value;
      const overspend = counters.overspend();
      if (overspend > this.#overspendMax) this.#overspendMax = overspend;
      dropped += counters.sweep(this.#floorMs + SWEEP_BEHIND_MS);
      const idle = counters.lookedAt <= this.#looksAtPass[0] ? counters.asIdle() : null;
      if (idle !== null) this.#idle.set(limitId, idle);
      if (idle !== null || counters.size === 0) this.#limits.delete(limitId);
    }
    return dropped;
  }

  /** The full check of invariants 1 and 2: what is broken, in words. Empty = all is well. Costs a walk over everything. */
  audit(): string[] {
    const held = new Map<Counter, bigint>();
    for (const reservation of this.#pending.values())
      for (const counter of reservation.counters)
        held.set(counter, (held.get(counter) ?? 0n) + amountFor(limitOf(counter), reservation));
    return [...this.#limits.values()].flatMap((counters) => counters.audit(held));
  }

  /** The first limit, in the order given, that does not fit; null = all do. Writes nothing. */
  #refusalOf(limits: readonly Limit[], amounts: Amounts, atMs: number): Refused | null {
    for (const given of limits) {
      const amount = amountFor(given, amounts);
      const counters = this.#find(given.id);
      if (counters === undefined) {
        // Nothing used yet. A refused call leaves no counter behind: unknown sessions must not cost memory.
        if (given.mode === "hard" && amount > given.amount) return refusal(this.read(given, atMs), amount);
        continue;
      }
      if (counters.limit !== given) counters.adopt(given);
      const limit = inForce(counters, given);
      const counter = counters.at(atMs);
      if (!counters.fits(counter, limit, amount)) return refusal(counters.stateOf(counter, limit), amount);
    }
    return null;
  }

  #hold(id: string, limits: readonly Limit[], amounts: Amounts, atMs: number): Reservation {
    const counters = this.#countersAt(limits, atMs);
    // Must succeed from here on.
    for (const counter of counters) {
      counter.of.hold(counter, amountFor(limitOf(counter), amounts));
      counter.pending += 1;
    }
    const { usd, tokens, requests } = amounts;
    const own = limits.some((limit) => limit.perCall !== undefined) ? limits : null;
    const reservation: Reservation = { counters, limits: own, usd, tokens, requests, end: "pending", endedMs: 0 };
    this.#pending.set(id, reservation);
    return reservation;
  }

  #countersOf(limit: Limit): LimitCounters {
    const counters = this.#find(limit.id) ?? this.#make(limit.id);
    if (counters.limit !== limit) counters.adopt(limit);
    return counters;
  }

  #find(limitId: string): LimitCounters | undefined {
    const counters = this.#limits.get(limitId);
    if (counters !== undefined) return counters;
    const settled = this.#idle.get(limitId);
    if (settled === undefined) return undefined;
    this.#idle.delete(limitId);
    const awake = this.#make(limitId);
    awake.seed(LIFETIME, settled);
    return awake;
  }

  #make(limitId: string): LimitCounters {
    const counters = new LimitCounters();
    this.#limits.set(limitId, counters);
    return counters;
  }

  #end(id: string, reservation: Reservation, used: Amounts, end: "settled" | "released"): void {
    for (const counter of reservation.counters) {
      const limit = limitOf(counter);
      counter.of.end(counter, amountFor(limit, reservation), amountFor(limit, used));
    }
    reservation.usd = used.usd;
    reservation.tokens = used.tokens;
    reservation.requests = used.requests;
    reservation.end = end;
    reservation.endedMs = this.#latestMs;
    this.#pending.delete(id);
    this.#ended.add(id, reservation);
    assertWhole(reservation.counters);
  }

  /** Makes what is missing: the last step that can fail. */
  #countersAt(limits: readonly Limit[], atMs: number): Counter[] {
    const look = ++this.#looks;
    return limits.map((limit) => {
      const counters = this.#countersOf(limit);
      if (counters.lookedAt === look) throw new Error(`${limit.id} is given twice in one reserve`);
      counters.lookedAt = look;
      return counters.at(atMs);
    });
  }

  #clock(nowMs: number): number {
    if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs: expected milliseconds since 1970, got ${nowMs}`);
    this.#latestMs = Math.max(nowMs, this.#floorMs);
    return this.#latestMs;
  }
}

const NOTHING: Amounts = Object.freeze({ usd: 0n, tokens: 0n, requests: 0n });
