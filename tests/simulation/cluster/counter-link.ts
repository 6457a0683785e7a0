import type { Amounts, Limit } from "@tollhouse/engine";
import {
  CountersUnavailable,
  ReservationError,
  type CounterChange,
  type CounterDelta,
  type CounterState,
  type ExpireResult,
  type HeldReservation,
  type RebuildSource,
  type ReserveResult,
  type Room,
  type SharedCounters,
  type SharedCounterStore,
} from "@tollhouse/store";
import type { Random } from "../../chaos/random.ts";
import type { Owner, VirtualTime } from "../virtual-time.ts";
import type { CounterServer, Fenced, Hold, Open, Sender, ServerState, Sum } from "./counter-server.ts";

export interface LinkParts {
  readonly server: CounterServer;
  readonly node: string;
  readonly owner: Owner;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly limits: readonly Limit[];
  /** Of the network between this node and the server. */
  readonly fault: { cut: boolean; flaky: boolean };
  readonly seen: (what: string) => void;
}

const DEADLINE_MS = 250;
const LOST = 0.01;
const LATE = 0.02;

interface Entered {
  readonly epoch: bigint;
  number: number;
  acknowledged: number;
}

/** How RedisCounters behaves towards a node, over a network that delays, loses questions and loses answers. */
export class CounterLink implements SharedCounters, SharedCounterStore {
  readonly #parts: LinkParts;
  readonly #listeners: ((reason: string) => void)[] = [];
  /** What this node's reservations hold in all, as far as the server has said. */
  readonly #held = new Map<string, Amounts>();
  #entered: Entered | null = null;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  of(): SharedCounterStore {
    return this;
  }

  enter(epoch: bigint | null): void {
    this.#entered = epoch === null ? null : { epoch, number: Date.now() * 1_000, acknowledged: 0 };
  }

  onFenced(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async health(): Promise<{ reachable: boolean; latencyMs: number | null; nodes: readonly string[] }> {
    const reachable = await this.#ask(() => true).catch(() => false);
    return { reachable, latencyMs: reachable ? 1 : null, nodes: ["redis"] };
  }

  async rebuild(epoch: bigint, from: RebuildSource): Promise<void> {
    const { server, random, limits } = this.#parts;
    const attempt = random.next();
    const process = await this.#ask(() => {
      server.teach(epoch);
      return server.process;
    });
    const passed = new CountersUnavailable("fenced", "another rebuild has passed this one");
    if (!(await this.#ask(() => server.process === process && server.begin(epoch, attempt)))) throw passed;
    const [sums, open]: [Sum[], Open[]] = [[], []];
    for await (const sum of from.sums()) sums.push(sum);
    for await (const one of from.open()) open.push(one);
    if (from.left !== undefined) {
      const left = await this.#ask(() => server.state.left.map(([id, hold]) => leftOf(id, hold)));
      open.push(...(await from.left.unknown(left)));
    }
    if (!(await this.#ask(() => server.process === process && server.finish(epoch, attempt, sums, open, limits))))
      throw passed;
  }

  async reserve(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Promise<ReserveResult> {
    const result = await this.#verb((state) => {
      // Its release came first: it holds nothing.
      if (state.tombstones.has(id)) return { outcome: "reserved", states: state.counters.look(limits, nowMs) } as const;
      const first = state.counters.reserve(id, limits, amounts, nowMs);
      if (first.outcome === "reserved" && !state.holds.has(id)) {
        const on = first.states.map(({ limit, window }) => ({ limit, windowId: window.id }));
        state.holds.set(id, { owner: this.#parts.node, on, amounts });
      }
      return first;
    });
    if (result.outcome === "reserved") this.#held.set(id, amounts);
    return result;
  }

  async extend(id: string, more: Amounts, inForceNow: readonly Limit[] | null = null): Promise<ReserveResult> {
    const held = this.#held.get(id);
    if (held === undefined) throw new ReservationError(id, "unknown", "extend");
    const whole = plus(held, more);
    const result = await this.#verb((state) => {
      const hold = state.holds.get(id);
      const there = hold?.amounts ?? held;
      const extended = state.counters.extend(id, beyond(whole, there), inForceNow);
      if (extended.outcome === "reserved" && hold !== undefined) hold.amounts = largest(whole, there);
      return extended;
    });
    if (result.outcome === "reserved") this.#held.set(id, whole);
    return result;
  }

  async settle(id: string, used: Amounts): Promise<readonly CounterDelta[]> {
    this.#held.delete(id);
    return this.#verb((state) => {
      state.holds.delete(id);
      return state.counters.settle(id, used);
    });
  }

  async release(id: string): Promise<void> {
    this.#held.delete(id);
    await this.#verb((state) => {
      if (!state.holds.delete(id)) state.tombstones.add(id);
      state.counters.release(id);
    });
  }

  async adjust(id: string, changes: readonly CounterChange[]): Promise<void> {
    await this.#verb((state) => {
      if (state.adjusted.has(id)) return;
      state.adjusted.add(id);
      for (const { limitId, windowId, amount } of changes)
        state.counters.seed(limitId, windowId, state.counters.settledIn(limitId, windowId) + amount);
    });
  }

  keepAlive(): Promise<readonly string[]> {
    return this.#verb(() => []);
  }

  overdue(): Promise<readonly HeldReservation[]> {
    return this.#verb(() => []);
  }

  expire(): Promise<ExpireResult> {
    return this.#verb(() => ({ outcome: "unknown" }) as const);
  }

  async confirmExpired(): Promise<void> {
    await this.#verb(() => undefined);
  }

  look(limits: readonly Limit[], nowMs: number): Promise<readonly CounterState[]> {
    return this.#verb((state) => state.counters.look(limits, nowMs));
  }

  async read(limit: Limit, nowMs: number): Promise<CounterState> {
    const [state] = await this.look([limit], nowMs);
    return state as CounterState;
  }

  room(limits: readonly Limit[], nowMs: number): Promise<Room> {
    return this.#verb((state) => state.counters.room(limits, nowMs));
  }

  async #verb<T>(run: (state: ServerState) => T): Promise<T> {
    const entered = this.#entered;
    if (entered === null) throw new CountersUnavailable("fenced", "no epoch of the counters is open on this node");
    const { server, node } = this.#parts;
    const number = ++entered.number;
    const sender: Sender = { epoch: entered.epoch, node, number, acknowledged: entered.acknowledged };
    const answer = await this.#ask(() => server.verb(sender, run));
    if (isFenced(answer)) {
      if (this.#entered === entered) for (const listener of this.#listeners) listener(answer.fenced);
      throw new CountersUnavailable("fenced", answer.fenced);
    }
    entered.acknowledged = Math.max(entered.acknowledged, number);
    return answer;
  }

  /** `run` happens on the server at some moment, perhaps after nobody waits for it any more; or never. */
  #ask<T>(run: () => T): Promise<T> {
    const { time, random, owner, fault, server, seen } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const travel = (): number =>
      fault.flaky && random.next() < LATE ? random.between(100, 600) : random.between(0, 3);
    const lost = (): boolean => fault.cut || (fault.flaky && random.next() < LOST);
    time.at(DEADLINE_MS, owner, () => reject(new CountersUnavailable("slow", "no answer within the deadline")));
    if (fault.cut || server.down) {
      time.at(1, owner, () => reject(new CountersUnavailable("unreachable", "it cannot be reached")));
      return promise;
    }
    if (lost()) seen("a question to the counters is lost");
    else
      time.at(travel(), null, () => {
        if (server.down) return;
        const answered = outcomeOf(run);
        if (lost()) return seen("an answer of the counters is lost");
        time.at(travel(), owner, () => ("error" in answered ? reject(answered.error) : resolve(answered.value)));
      });
    return promise;
  }
}

function leftOf(id: string, { owner, on, amounts }: Hold): Open {
  const held = on.map(({ limit, windowId }) => ({
    limitId: limit.id,
    windowId,
    measure: limit.measure,
    amount: amounts[limit.measure],
  }));
  return { tenant: "", id, owner, deadlineMs: 0, held };
}

function outcomeOf<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

function isFenced(answer: unknown): answer is Fenced {
  return typeof answer === "object" && answer !== null && "fenced" in answer;
}

function plus(a: Amounts, b: Amounts): Amounts {
  return { usd: a.usd + b.usd, tokens: a.tokens + b.tokens, requests: a.requests + b.requests };
}

function beyond(a: Amounts, b: Amounts): Amounts {
  const over = (x: bigint, y: bigint): bigint => (x > y ? x - y : 0n);
  return { usd: over(a.usd, b.usd), tokens: over(a.tokens, b.tokens), requests: over(a.requests, b.requests) };
}

function largest(a: Amounts, b: Amounts): Amounts {
  return plus(b, beyond(a, b));
}
