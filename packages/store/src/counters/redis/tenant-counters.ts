import type { Amounts, Limit } from "@tollhouse/engine";
import { windowOfId } from "@tollhouse/engine";
import type { CounterDelta, CounterState, ReserveResult, Room } from "../counter-store.ts";
import { checkAmounts, ReservationError } from "../reservation-error.ts";
import type { CounterChange, ExpireResult, HeldReservation, SharedCounterStore } from "../shared-counters.ts";
import { refusedState, reservedStates, roomOf, seenStates } from "./read-answers.ts";
import {
  counterSuffix,
  isSlot,
  keptFor,
  keptForId,
  oldestSlot,
  readCounters,
  seenAs,
  seeLimit,
  type SeenLimit,
} from "./seen-limit.ts";
import type { Verbs } from "./verbs.ts";

/** A reservation of this node: what an extension needs, for it alone knows the limits. */
interface Held {
  seen: readonly SeenLimit[];
  /** In all, as far as the store has said. */
  amounts: Amounts;
  /** One extension after the other: each says what is held in all. */
  extending: Promise<unknown>;
}

/** A counter whose window ended stays so long past a deadline that was moved. */
const AFTER_DEADLINE_MS = 3_600_000;
const AT_ONCE = 100;

/**
 * The counters of one tenant in Redis: one script a verb (packages/store/lua). `extend` is the reserving node's own: another does not know
 * the limits, and is told that the reservation is unknown.
 */
export class RedisTenantCounters implements SharedCounterStore {
  readonly #verbs: Verbs;
  readonly #holdMs: number;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  #latestMs = 0;

  constructor(verbs: Verbs, options: { readonly holdMs: number; readonly now: () => number }) {
    this.#verbs = verbs;
    this.#holdMs = options.holdMs;
    this.#now = options.now;
  }

  async reserve(id: string, limits: readonly Limit[], amounts: Amounts, nowMs: number): Promise<ReserveResult> {
    checkAmounts(amounts);
    const seen = this.#see(limits, nowMs);
    const deadlineMs = nowMs + this.#holdMs;
    const answer = await this.#verbs.call("reserve", keysOf(seen), [
      id,
      String(Math.ceil(deadlineMs)),
      ...texts(amounts),
      oldestSlot(nowMs),
      seen.map(({ counter }) => counter.text).join(""),
      ...seen.flatMap((each) => [each.counter.kind, each.version, each.amount, keptFor(each, nowMs, deadlineMs)]),
    ]);
    if (answer[0] === "refused") return { outcome: "refused", ...refusedState(seen, answer, amounts) };
    if (answer[0] === "known") return this.#again(id, limits, answer, amounts, nowMs);
    this.#held.set(id, { seen, amounts, extending: Promise.resolve() });
    return { outcome: "reserved", states: reservedStates(seen, answer) };
  }

  async extend(id: string, more: Amounts, inForceNow: readonly Limit[] | null = null): Promise<ReserveResult> {
    checkAmounts(more);
    const held = this.#held.get(id);
    if (held === undefined) throw new ReservationError(id, await this.#stateOf(id), "extend");
    if (inForceNow !== null) held.seen = held.seen.map((each) => seenAs(each, inForceNow));
    const before = held.extending;
    const extended = before.then(
      () => this.#extendNow(id, held, more),
      () => this.#extendNow(id, held, more),
    );
    held.extending = extended.catch(() => undefined);
    return extended;
  }

  async settle(id: string, used: Amounts): Promise<readonly CounterDelta[]> {
    checkAmounts(used);
    const held = this.#held.get(id);
    // Whoever reserved knows the counters, and need not be told.
    const answer = await this.#verbs.call("settle", [], [id, ...texts(used), held === undefined ? "counters" : ""]);
    this.#held.delete(id);
    if (answer[0] === "ended") throw new ReservationError(id, answer[1] as ReservationError["state"], "settle");
    return held === undefined ? deltasOf(answer) : deltasOn(held.seen, amountsOf(answer));
  }

  async release(id: string): Promise<void> {
    await this.#verbs.call("release", [], [id]);
    this.#held.delete(id);
  }

  async read(limit: Limit, nowMs: number): Promise<CounterState> {
    const [state] = await this.look([limit], nowMs);
    return state as CounterState;
  }

  async room(limits: readonly Limit[], nowMs: number): Promise<Room> {
    return roomOf(await this.look(limits, nowMs));
  }

  async look(limits: readonly Limit[], nowMs: number): Promise<readonly CounterState[]> {
    const seen = limits.map((limit) => seeLimit(limit, nowMs));
    this.#latestMs = nowMs;
    return this.#look(seen, nowMs);
  }

  async adjust(id: string, changes: readonly CounterChange[]): Promise<void> {
    const nowMs = this.#now();
    await this.#verbs.call(
      "adjust",
      changes.map(({ limitId, windowId }) => counterSuffix(limitId, windowId)),
      [
        id,
        ...changes.flatMap(({ windowId, amount }) => [
          isSlot(windowId) ? windowId : "",
          String(amount),
          keptForId(windowId, nowMs),
        ]),
      ],
    );
  }

  async keepAlive(ids: readonly string[], deadlineMs: number): Promise<readonly string[]> {
    const keptMs = Math.ceil(Math.max(0, deadlineMs - this.#now())) + AFTER_DEADLINE_MS;
    const parts = chunks(ids).map((some) =>
      this.#verbs.call("keepAlive", [], [String(Math.ceil(deadlineMs)), String(keptMs), ...some]),
    );
    const ended = (await Promise.all(parts)).flatMap((answer) => answer.slice(1));
    for (const id of ended) this.#held.delete(id);
    return ended;
  }

  async overdue(nowMs: number, atMost: number): Promise<readonly HeldReservation[]> {
    const [, ...fields] = await this.#verbs.call("overdue", [], [String(Math.floor(nowMs)), String(atMost)]);
    const found: HeldReservation[] = [];
    for (let i = 0; i < fields.length; i += 8) {
      const [id = "", state, owner = "", deadline, usd, tokens, requests, counters] = fields.slice(i, i + 8);
      const held = heldOf(["", usd ?? "", tokens ?? "", requests ?? "", counters ?? ""]);
      found.push({ id, owner, deadlineMs: Number(deadline), held, expired: state === "expired" });
    }
    return found;
  }

  async expire(id: string, nowMs: number): Promise<ExpireResult> {
    const answer = await this.#verbs.call("expire", [], [id, String(Math.floor(nowMs))]);
    const outcome = answer[0] as ExpireResult["outcome"];
    if (outcome !== "expired" && outcome !== "settled") return { outcome };
    return { outcome, used: amountsOf(answer), deltas: deltasOf(answer) };
  }

  async confirmExpired(ids: readonly string[]): Promise<void> {
    await Promise.all(chunks(ids).map((some) => this.#verbs.call("confirmExpired", [], some)));
  }

  #see(limits: readonly Limit[], nowMs: number): readonly SeenLimit[] {
    const seen = limits.map((limit) => seeLimit(limit, nowMs));
    this.#latestMs = nowMs;
    const twice = new Set(seen.map(({ counter }) => counter.suffix)).size < seen.length;
    if (twice) throw new Error(`${limits.map(({ id }) => id).join(", ")}: one is given twice in one reserve`);
    return seen;
  }

  async #extendNow(id: string, held: Held, more: Amounts): Promise<ReserveResult> {
    const { usd, tokens, requests } = held.amounts;
    const whole = { usd: usd + more.usd, tokens: tokens + more.tokens, requests: requests + more.requests };
    checkAmounts(whole);
    const answer = await this.#verbs.call("extend", keysOf(held.seen), [
      id,
      "",
      ...texts(whole),
      oldestSlot(this.#latestMs),
      "",
      ...held.seen.flatMap(({ counter, version, amount }) => [counter.kind, version, amount, ""]),
    ]);
    if (answer[0] === "ended") throw new ReservationError(id, answer[1] as ReservationError["state"], "extend");
    if (answer[0] === "refused") return { outcome: "refused", ...refusedState(held.seen, answer, more) };
    held.amounts = whole;
    return { outcome: "reserved", states: reservedStates(held.seen, answer) };
  }

  /** A repeated reserve: nothing changes, and the counters are those of the first one. */
  async #again(
    id: string,
    limits: readonly Limit[],
    [, state, counters]: readonly string[],
    amounts: Amounts,
    nowMs: number,
  ): Promise<ReserveResult> {
    const first = new Map(readCounters(counters ?? "").map((counter) => [counter.limitId, counter.windowId]));
    const seen = limits.map((limit) => {
      const windowId = first.get(limit.id);
      const window = windowId === undefined ? null : windowOfId(limit.window, limit.timeZone, windowId);
      return seeLimit(limit, window === null || window.startMs === -Infinity ? nowMs : window.startMs);
    });
    if (state === "pending" && !this.#held.has(id)) this.#held.set(id, { seen, amounts, extending: Promise.resolve() });
    return { outcome: "reserved", states: await this.#look(seen, nowMs) };
  }

  async #look(seen: readonly SeenLimit[], nowMs: number): Promise<readonly CounterState[]> {
    const oldest = oldestSlot(nowMs);
    const parts = chunks(seen).map(async (some) => {
      const kinds = some.flatMap(({ counter }) => [counter.kind, oldest]);
      return seenStates(some, await this.#verbs.call("look", keysOf(some), kinds));
    });
    return (await Promise.all(parts)).flat();
  }

  /** Of a reservation that this node did not make, or has ended. An extension by nothing says it, and changes nothing. */
  async #stateOf(id: string): Promise<ReservationError["state"]> {
    const answer = await this.#verbs.call("extend", [], [id, "", "0", "0", "0", "0", ""]);
    return answer[0] === "ended" ? (answer[1] as ReservationError["state"]) : "unknown";
  }
}

function keysOf(seen: readonly SeenLimit[]): readonly string[] {
  return seen.map(({ counter }) => counter.suffix);
}

function texts({ usd, tokens, requests }: Amounts): readonly [string, string, string] {
  return [String(usd), String(tokens), String(requests)];
}

/** Of an answer that has amounts and counters: what each counter got. */
function deltasOf(answer: readonly string[]): readonly CounterDelta[] {
  return heldOf(answer).map(({ limitId, windowId, amount }) => ({ limitId, windowId, amount }));
}

function heldOf(answer: readonly string[]): HeldReservation["held"] {
  const amounts = amountsOf(answer);
  return readCounters(answer[4] ?? "").map(({ limitId, windowId, measure }) => ({
    limitId,
    windowId,
    measure,
    amount: amounts[measure],
  }));
}

function deltasOn(seen: readonly SeenLimit[], amounts: Amounts): readonly CounterDelta[] {
  return seen.map(({ limit, counter: { limitId, windowId } }) => ({
    limitId,
    windowId,
    amount: amounts[limit.measure],
  }));
}

function amountsOf([, usd, tokens, requests]: readonly string[]): Amounts {
  return { usd: BigInt(usd ?? 0), tokens: BigInt(tokens ?? 0), requests: BigInt(requests ?? 0) };
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) parts.push(items.slice(i, i + AT_ONCE));
  return parts;
}
