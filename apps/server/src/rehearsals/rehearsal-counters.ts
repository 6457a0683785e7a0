import { rollingSlots, ROLLING_SLOT_MS, windowAt, type CounterSlot, type Limit } from "@tollhouse/engine";

/** What of a counter's window was used: as it was, and as it would have been. */
export interface Rehearsed {
  readonly recorded: bigint;
  readonly rehearsed: bigint;
  /** Does a call count that nobody can say the use of? Then `rehearsed` is the least it can be. */
  readonly atLeast: boolean;
}

/** More different values than that are not counted: half a gigabyte. */
const COUNTERS_MAX = 2_000_000;

export class RehearsalTooLarge extends Error {
  override readonly name = "RehearsalTooLarge";
}

/**
 * Counters of limits while calls pass in the order of their time: one of each slot and value, which holds the window that time has come to.
 * A limit's id is its slot and value.
 */
export class RehearsalCounters {
  readonly #counters = new Map<string, WindowCounter>();
  readonly #max: number;

  constructor(max: number = COUNTERS_MAX) {
    this.#max = max;
  }

  at(limit: Limit, timeMs: number): Rehearsed {
    return this.#counters.get(limit.id)?.at(timeMs) ?? NOTHING;
  }

  add(
    limit: Pick<Limit, "id" | "window" | "timeZone">,
    timeMs: number,
    recorded: bigint,
    rehearsed: bigint | null,
  ): void {
    this.#of(limit).add(timeMs, recorded, rehearsed);
  }

  /** What was used before the first call, in the window or the quarter of an hour of `timeMs`. */
  seed(id: string, slot: CounterSlot, timeMs: number, used: bigint): void {
    this.#of({ id, window: slot.window, timeZone: slot.timeZone }).add(timeMs, used, used);
  }

  #of({ id, window, timeZone }: Pick<Limit, "id" | "window" | "timeZone">): WindowCounter {
    let counter = this.#counters.get(id);
    if (counter !== undefined) return counter;
    if (this.#counters.size >= this.#max)
      throw new RehearsalTooLarge(`its limits would count more than ${this.#max} different values`);
    counter = window === "rolling_24h" ? new RollingCounter() : new CalendarCounter(window, timeZone);
    this.#counters.set(id, counter);
    return counter;
  }
}

interface WindowCounter {
  at(timeMs: number): Rehearsed;
  add(timeMs: number, recorded: bigint, rehearsed: bigint | null): void;
}

const NOTHING: Rehearsed = Object.freeze({ recorded: 0n, rehearsed: 0n, atLeast: false });

class CalendarCounter implements WindowCounter {
  readonly #kind: Limit["window"];
  readonly #timeZone: string;
  #startMs = Infinity;
  #endMs = -Infinity;
  #sum: Rehearsed = NOTHING;

  constructor(kind: Limit["window"], timeZone: string) {
    this.#kind = kind;
    this.#timeZone = timeZone;
  }

  at(timeMs: number): Rehearsed {
    if (timeMs < this.#startMs || timeMs >= this.#endMs) {
      const { startMs, endMs } = windowAt(this.#kind, this.#timeZone, timeMs);
      this.#startMs = startMs;
      this.#endMs = endMs;
      this.#sum = NOTHING;
    }
    return this.#sum;
  }

  add(timeMs: number, recorded: bigint, rehearsed: bigint | null): void {
    this.#sum = plus(this.at(timeMs), recorded, rehearsed);
  }
}

class RollingCounter implements WindowCounter {
  /** By quarter of an hour, the oldest first. */
  readonly #slots = new Map<number, Rehearsed>();

  at(timeMs: number): Rehearsed {
    const { oldest } = rollingSlots(timeMs);
    let sum = NOTHING;
    for (const [slot, { recorded, rehearsed, atLeast }] of this.#slots)
      if (slot < oldest) this.#slots.delete(slot);
      else sum = plus(sum, recorded, rehearsed, atLeast);
    return sum;
  }

  add(timeMs: number, recorded: bigint, rehearsed: bigint | null): void {
    const slot = Math.floor(timeMs / ROLLING_SLOT_MS);
    this.#slots.set(slot, plus(this.#slots.get(slot) ?? NOTHING, recorded, rehearsed));
  }
}

function plus(sum: Rehearsed, recorded: bigint, rehearsed: bigint | null, atLeast = rehearsed === null): Rehearsed {
  return {
    recorded: sum.recorded + recorded,
    rehearsed: sum.rehearsed + (rehearsed ?? 0n),
    atLeast: sum.atLeast || atLeast,
  };
}
