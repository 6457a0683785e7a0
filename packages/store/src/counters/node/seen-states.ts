import type { Limit } from "@tollhouse/engine";
import type { CounterState, Room } from "../counter-store.ts";

interface Seen {
  state: CounterState;
  /** Monotonic. */
  atMs: number;
}

/** Some 300 bytes each. */
const SEEN_MAX = 50_000;

/** How the counters stood when this node saw them last, by limit. The longest not seen go first. */
export class SeenStates {
  readonly #seen = new Map<string, Seen>();
  readonly #max: number;

  constructor(max = SEEN_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#seen.size;
  }

  note(states: readonly CounterState[], atMs: number): void {
    for (const state of states) {
      const { id } = state.limit;
      this.#seen.delete(id);
      const [oldest] = this.#seen.size >= this.#max ? this.#seen.keys() : [];
      if (oldest !== undefined) this.#seen.delete(oldest);
      this.#seen.set(id, { state, atMs });
    }
  }

  /** Null: not seen, or not in the window of this instant. Unknown is not zero. */
  at(limit: Limit, nowMs: number): CounterState | null {
    const seen = this.#seen.get(limit.id);
    if (seen === undefined || nowMs < seen.state.window.startMs || nowMs >= seen.state.window.endMs) return null;
    return seen.state.limit === limit ? seen.state : { ...seen.state, limit: newer(seen.state.limit, limit) };
  }

  /** Null: a hard limit of these was not seen since `sinceMs`. */
  room(limits: readonly Limit[], nowMs: number, sinceMs: number): Room | null {
    const states: CounterState[] = [];
    for (const limit of limits) {
      const state = this.at(limit, nowMs);
      if (state === null || (this.#seen.get(limit.id) as Seen).atMs < sinceMs) return null;
      states.push(state);
    }
    return roomOf(states);
  }

  /** What this node itself ended, or counted: told to the store behind it. */
  move(limitId: string, windowId: string, settled: bigint, released: bigint): void {
    const seen = this.#seen.get(limitId);
    if (seen === undefined || seen.state.window.id !== windowId) return;
    const { state } = seen;
    const reserved = state.reserved > released ? state.reserved - released : 0n;
    seen.state = { ...state, settled: state.settled + settled, reserved };
  }

  clear(): void {
    this.#seen.clear();
  }
}

/** A policy's limit is the call's own; of any other the higher version holds. */
function newer(seen: Limit, given: Limit): Limit {
  return given.perCall !== undefined || seen.perCall !== undefined || given.version >= seen.version ? given : seen;
}

/** The least room over the hard limits of these. */
export function roomOf(states: readonly CounterState[]): Room {
  const room: { usd: bigint | null; tokens: bigint | null; requests: bigint | null } = {
    usd: null,
    tokens: null,
    requests: null,
  };
  for (const { limit, settled, reserved } of states) {
    if (limit.mode === "soft") continue;
    const free = limit.amount - settled - reserved;
    const left = free < 0n ? 0n : free;
    const least = room[limit.measure];
    if (least === null || left < least) room[limit.measure] = left;
  }
  return room;
}
