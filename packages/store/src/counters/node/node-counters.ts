import { windowAt, type Amounts, type Limit } from "@tollhouse/engine";
import type { CounterDelta, CounterState, ReserveResult, Room } from "../counter-store.ts";
import type { Counters, Uncounted } from "../counters.ts";
import { amountFor } from "../limit-counters.ts";
import { checkAmounts, ReservationError } from "../reservation-error.ts";
import { CountersUnavailable, type CounterChange, type SharedCounterStore } from "../shared-counters.ts";
import { NotAsked } from "./breaker.ts";
import type { CountersOfNode } from "./counters-of-node.ts";
import { deltasOf, grow, heldOf, type HeldCall, type HeldCounter } from "./held-calls.ts";
import { roomOf } from "./seen-states.ts";

/** How old advice may be. */
const ROOM_MS = 1_000;
const NOTHING: Amounts = Object.freeze({ usd: 0n, tokens: 0n, requests: 0n });
const NO_LIMITS: ReserveResult = Object.freeze({ outcome: "reserved", states: Object.freeze([]) });

/** Under which a call's use of a limit that it held nothing of is told: a recovery may tell it again. */
export function adjustId(id: string, limitId: string): string {
  return `${id}:${limitId}`;
}

/** Under which the use of a call is told that was admitted while its limits could not be read. */
export function uncountedId(id: string): string {
  return `${id}:uncounted`;
}

/** Under which the use of a check is told that another node had let go. */
function letGoId(id: string): string {
  return `${id}:let-go`;
}

/**
 * The counters of one tenant, as one of several nodes uses them. A call costs one question; its end is known here, from what the reserve
 * said of its windows, and told behind. A call without limits asks nothing.
 */
export class NodeCounters implements Counters {
  readonly store: SharedCounterStore;
  readonly #node: CountersOfNode;
  readonly #tenant: string;
  readonly #held = new Map<string, HeldCall>();

  constructor(node: CountersOfNode, tenant: string, store: SharedCounterStore) {
    this.#node = node;
    this.#tenant = tenant;
    this.store = store;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** Those that the store holds: also what it did not count at first, once a rebuild has found it open. */
  *keptIds(): Generator<string> {
    for (const [id, { counted, counters, generation }] of this.#held)
      if (counters.length > 0 && (counted || generation !== this.#node.generation)) yield id;
  }

  reserve(
    id: string,
    limits: readonly Limit[],
    amounts: Amounts,
    nowMs: number,
  ): ReserveResult | Promise<ReserveResult> {
    checkAmounts(amounts);
    if (limits.length > 0) return this.#againWhenOpen(() => this.#reserve(id, limits, amounts, nowMs));
    this.#hold(id, [], amounts, true, null);
    return NO_LIMITS;
  }

  extend(
    id: string,
    more: Amounts,
    inForceNow: readonly Limit[] | null = null,
  ): ReserveResult | Promise<ReserveResult> {
    const held = this.#heldOf(id, "extend");
    return held.counters.length === 0 ? NO_LIMITS : this.#extend(id, held, more, inForceNow);
  }

  settle(id: string, used: Amounts): readonly CounterDelta[] {
    const held = this.#heldOf(id, "settle");
    checkAmounts(used);
    this.#held.delete(id);
    const deltas = deltasOf(held, used);
    this.#moved(id, held, used);
    if (held.counters.length > 0) this.#tellEnd(id, held, used, deltas);
    return deltas;
  }

  release(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#moved(id, held, NOTHING);
    if (held.counters.length === 0) return;
    const { allowance, generation } = this.#node;
    const { allowed, counted } = held;
    const giveBack = allowed === null ? null : (): void => allowance.giveBack(allowed);
    // Never held there, and in no rebuild since.
    if (!counted && held.generation === generation) giveBack?.();
    else this.#tellRelease(id, giveBack);
  }

  add(limit: Limit, atMs: number, used: bigint, id: string): CounterDelta {
    if (used < 0n) throw new RangeError(`used: expected 0 or above, got ${used}`);
    const windowId = windowAt(limit.window, limit.timeZone, atMs).id;
    const delta = { limitId: limit.id, windowId, amount: used };
    this.#node.seen.move(limit.id, windowId, used, 0n);
    if (used > 0n) this.adjust(adjustId(id, limit.id), [delta]);
    return delta;
  }

  /** Told until it is acknowledged. Its entry is written in the same turn: a rebuild that has the entry has this in its sums. */
  adjust(id: string, changes: readonly CounterChange[], told: (() => void) | null = null): void {
    const tell = (): Promise<void> => this.#node.ask(this.#tenant, () => this.store.adjust(id, changes));
    this.#node.teller.tell({ tenant: this.#tenant, untilRebuild: true, tell, told });
  }

  read(limit: Limit, nowMs: number): CounterState | null {
    return this.#node.seen.at(limit, nowMs);
  }

  async look(limits: readonly Limit[], nowMs: number): Promise<readonly CounterState[]> {
    if (limits.length === 0) return [];
    const look = () => this.#node.askNext(this.#tenant, () => this.store.look(limits, nowMs));
    const states = await this.#againWhenOpen(look);
    this.#node.note(states);
    return states;
  }

  room(limits: readonly Limit[], nowMs: number): Room | Promise<Room> {
    const hard = limits.filter((limit) => limit.mode === "hard");
    return this.#node.seen.room(hard, nowMs, performance.now() - ROOM_MS) ?? this.look(hard, nowMs).then(roomOf);
  }

  restore(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): void {
    if (!this.#held.has(id))
      this.#held.set(id, heldOf(countersAt(limits, nowMs), amounts, { counted: true, allowed: null, generation: -1 }));
  }

  admitUncounted(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Uncounted | null {
    checkAmounts(amounts);
    const { allowance, teller } = this.#node;
    if (teller.full) return null;
    const hard = limits.filter((limit) => limit.mode === "hard");
    // What a hard limit cannot be measured by is not bounded by an amount of money either.
    if (hard.length > 0 && amounts.usd === 0n) return null;
    const states = limits.flatMap((limit) => this.read(limit, nowMs) ?? []);
    if (states.some((state) => isFull(state, amounts))) return null;
    if (hard.length > 0 && !allowance.take(amounts.usd)) return null;
    const counters = countersAt(limits, nowMs);
    this.#hold(id, counters, amounts, false, hard.length > 0 ? amounts.usd : null);
    return { outcome: "reserved", states, counters, of: allowance.of, left: allowance.left };
  }

  extendUncounted(id: string, more: Amounts): boolean {
    const held = this.#heldOf(id, "extend");
    const limited = held.counters.some(({ limit }) => limit.mode === "hard");
    if (limited && (more.usd === 0n || !this.#node.allowance.take(more.usd))) return false;
    if (limited) held.allowed = (held.allowed ?? 0n) + more.usd;
    grow(held, more);
    return true;
  }

  /** What a closed store was asked did nothing, so it may be asked once more when the store is open again. */
  async #againWhenOpen<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof CountersUnavailable) || error.why !== "fenced" || error instanceof NotAsked) throw error;
    }
    await this.#node.untilAdmitting();
    return await ask();
  }

  async #reserve(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Promise<ReserveResult> {
    if (!this.#node.admitting) await this.#node.untilAdmitting();
    const { generation } = this.#node;
    const askedMs = performance.now();
    const result = await this.#asked(id, limits, amounts, nowMs);
    // Of an epoch that is closed by now: the rebuild may not know it.
    this.#assertSince(generation);
    if (this.#node.isOld(askedMs)) {
      if (result.outcome === "reserved") this.#tellRelease(id, null, true);
      throw tooOld();
    }
    if (result.outcome === "refused") {
      this.#node.note([result.by]);
      return result;
    }
    const counters = result.states.map(({ limit, window }) => ({ limit, windowId: window.id }));
    this.#hold(id, counters, amounts, true, null);
    this.#node.note(result.states, true);
    return result;
  }

  async #extend(
    id: string,
    held: HeldCall,
    more: Amounts,
    inForceNow: readonly Limit[] | null,
  ): Promise<ReserveResult> {
    const { generation } = this.#node;
    if (!held.counted && held.generation === generation)
      throw new NotAsked("unreachable", "the counters do not know this call");
    const askedMs = performance.now();
    const result = await this.#node.askNext(this.#tenant, () => this.store.extend(id, more, inForceNow));
    this.#assertSince(generation);
    if (this.#node.isOld(askedMs)) throw tooOld();
    if (result.outcome === "refused") return result;
    grow(held, more);
    this.#node.note(result.states, true);
    return result;
  }

  /** An answer that was lost may have reserved: nobody will use it, so it is given back. No intent has it, so no rebuild does. */
  async #asked(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Promise<ReserveResult> {
    try {
      return await this.#node.askNext(this.#tenant, () => this.store.reserve(id, limits, amounts, nowMs));
    } catch (error) {
      if (error instanceof CountersUnavailable && !(error instanceof NotAsked) && error.why !== "fenced")
        this.#tellRelease(id, null, true);
      throw error;
    }
  }

  #assertSince(generation: number): void {
    if (generation !== this.#node.generation)
      throw new CountersUnavailable("fenced", "the counters were closed while they were asked");
  }

  #hold(
    id: string,
    counters: readonly HeldCounter[],
    amounts: Amounts,
    counted: boolean,
    allowed: bigint | null,
  ): void {
    const { generation } = this.#node;
    this.#held.set(id, heldOf(counters, amounts, { counted, allowed, generation }));
  }

  #heldOf(id: string, verb: "extend" | "settle"): HeldCall {
    const held = this.#held.get(id);
    if (held === undefined) throw new ReservationError(id, "unknown", verb);
    return held;
  }

  #moved(id: string, held: HeldCall, used: Amounts): void {
    for (const { limit, windowId } of held.counters) {
      const had = amountFor(limit, held);
      const amount = amountFor(limit, used);
      this.#node.seen.move(limit.id, windowId, amount, held.counted ? had : 0n);
      if (amount > had) this.#node.overran({ reservationId: id, limit, windowId, amount: amount - had });
    }
  }

  #tellEnd(id: string, held: HeldCall, used: Amounts, deltas: readonly CounterDelta[]): void {
    const { allowance, generation } = this.#node;
    const fresh = held.generation === generation;
    let told: (() => void) | null = null;
    if (held.allowed !== null) {
      // Spent beyond what the call held, it is not there for others either. What an extension took is no part of the call's own amount.
      const owed = held.counted ? held.allowed : used.usd;
      allowance.correct(held.allowed, owed);
      told = () => allowance.giveBack(owed);
    }
    if (!held.counted && fresh) return this.adjust(uncountedId(id), deltas, told);
    const tell = (): Promise<void> => this.#settleThere(id, used, deltas, held.counted && fresh ? generation : null);
    this.#node.teller.tell({ tenant: this.#tenant, untilRebuild: false, tell, told });
  }

  /**
   * A reservation that a rebuild does not know had ended before it, and is in its sums. One that another node let go meanwhile (a check whose time
   * was over) holds nothing any more, and what was used counts all the same.
   */
  async #settleThere(
    id: string,
    used: Amounts,
    deltas: readonly CounterDelta[],
    knownIn: number | null,
  ): Promise<void> {
    try {
      await this.#node.ask(this.#tenant, () => this.store.settle(id, used));
    } catch (error) {
      if (!(error instanceof ReservationError)) throw error;
      if (error.state === "released")
        return await this.#node.ask(this.#tenant, () => this.store.adjust(letGoId(id), deltas));
      if (error.state !== "unknown") throw error;
      if (knownIn === this.#node.generation) this.#node.distrust(`the counters have lost reservation ${id}`);
    }
  }

  #tellRelease(id: string, told: (() => void) | null, untilRebuild = false): void {
    const tell = (): Promise<void> => this.#node.ask(this.#tenant, async () => this.store.release(id));
    this.#node.teller.tell({ tenant: this.#tenant, untilRebuild, tell, told });
  }
}

function tooOld(): CountersUnavailable {
  return new CountersUnavailable("slow", "the answer of the counters was left lying for too long");
}

function countersAt(limits: readonly Limit[], nowMs: number): readonly HeldCounter[] {
  return limits.map((limit) => ({ limit, windowId: windowAt(limit.window, limit.timeZone, nowMs).id }));
}

/** What was settled when it was seen last leaves a hard limit no room for this, whatever was given back since. */
function isFull({ limit, settled }: CounterState, amounts: Amounts): boolean {
  return limit.mode === "hard" && settled + amountFor(limit, amounts) > limit.amount;
}
