import { Random } from "../chaos/random.ts";

/** Whose an event is: those of a process that was killed never happen, those of one that is stopped wait. */
export interface Owner {
  alive: boolean;
  /** SIGSTOP until then; what is due meanwhile happens when it goes on. */
  stoppedUntilMs?: number;
  /** How far its wall clock is off. */
  clockOffMs?: number;
}

interface Event {
  atMs: number;
  /** Breaks ties by chance: what is due together happens in an order that only the seed knows. */
  readonly rank: number;
  readonly number: number;
  readonly owner: Owner | null;
  readonly happen: () => void;
  cancelled: boolean;
}

export const START_MS = Date.UTC(2026, 10, 21, 10, 58, 40);

const realImmediate = setImmediate;
const untilQuiet = (): Promise<void> => new Promise((resolve) => realImmediate(resolve));

/**
 * One clock and one queue for everything outside of the event loop's turn: timers, disks, networks, people. An event runs, then every
 * promise that it settled, and only then the next one: two runs of one seed are the same run.
 */
export class VirtualTime {
  readonly random: Random;
  /** Of the process that runs now: timers that the product starts are its. */
  process: Owner | null = null;
  /** What a step of the wall clock added. */
  steppedMs = 0;
  #nowMs = 0;
  #number = 0;
  readonly #heap: Event[] = [];
  /** Who waits for the spool to grow, and of which process: another one wakes nobody. */
  readonly #sleepers: { readonly owner: Owner | null; readonly wake: () => void }[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** Monotonic, from 0. */
  get nowMs(): number {
    return this.#nowMs;
  }

  at(delayMs: number, owner: Owner | null, happen: () => void): Event {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const event = { atMs, rank: this.random.next(), number: this.#number++, owner, happen, cancelled: false };
    this.#push(event);
    return event;
  }

  /** Resolves after a while of the process that runs now; never, where that is killed meanwhile. */
  pause(delayMs: number): Promise<void> {
    const owner = this.process;
    if (owner === null) return new Promise(() => undefined);
    return new Promise((resolve) => this.at(delayMs, owner, resolve));
  }

  /** Runs events, with `after` behind each of them, until `done` says so. Answers false where nothing is left to happen. */
  async run(done: () => boolean, after: () => void): Promise<boolean> {
    const restore = this.#install();
    try {
      while (!done()) {
        const event = this.#pop();
        if (event === undefined) return false;
        if (event.cancelled || event.owner?.alive === false) continue;
        const stoppedUntilMs = event.owner?.stoppedUntilMs ?? 0;
        if (stoppedUntilMs > event.atMs) {
          event.atMs = stoppedUntilMs;
          this.#push(event);
          continue;
        }
        if (event.owner !== null) this.process = event.owner;
        this.#nowMs = Math.max(this.#nowMs, event.atMs);
        event.happen();
        await untilQuiet();
        after();
      }
      return true;
    } finally {
      restore();
    }
  }

  /** The clocks and timers that the product reads, for as long as the run takes. */
  #install(): () => void {
    const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, performance } = globalThis;
    const { now } = Date;
    const { random } = Math;
    const { waitAsync, notify } = Atomics;
    const timer = (happen: () => void, delayMs: number): unknown => {
      const owner = this.process;
      const event = owner === null || !owner.alive ? { cancelled: true } : this.at(delayMs, owner, happen);
      return { event, ref: () => undefined, unref: (): unknown => ({ event }) };
    };
    // What began before is none of ours: a connection of another test that is still being closed clears its own.
    const clear = (of: { event?: { cancelled: boolean } } | null | undefined): void => {
      if (of?.event === undefined) clearTimeout(of as NodeJS.Timeout | undefined);
      else of.event.cancelled = true;
    };
    const repeated = (happen: () => void, everyMs: number): unknown => {
      const again = timer as (happen: () => void, delayMs: number) => { event: { cancelled: boolean } };
      const turn = (): void => {
        ticking.event = again(turn, everyMs).event;
        happen();
      };
      const ticking = { event: again(turn, everyMs).event, ref: () => undefined, unref: () => undefined };
      return ticking;
    };
    Object.assign(globalThis, {
      setTimeout: timer,
      clearTimeout: clear,
      setInterval: repeated,
      clearInterval: clear,
      setImmediate: (happen: () => void) => timer(happen, 0),
    });
    Object.defineProperty(globalThis, "performance", { value: { now: () => this.#nowMs }, configurable: true });
    Date.now = () => Math.floor(START_MS + this.#nowMs + this.steppedMs + (this.process?.clockOffMs ?? 0));
    Math.random = () => this.random.next();
    Object.assign(Atomics, {
      waitAsync: () => ({
        async: true,
        value: new Promise<void>((wake) => this.#sleepers.push({ owner: this.process, wake })),
      }),
      notify: () => {
        for (const { owner, wake } of this.#sleepers.splice(0)) if (owner?.alive === true) wake();
      },
    });
    return () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate });
      Object.defineProperty(globalThis, "performance", { value: performance, configurable: true, writable: true });
      Date.now = now;
      Math.random = random;
      Object.assign(Atomics, { waitAsync, notify });
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(event, heap[up] as Event); i = up, up = (i - 1) >> 1)
      heap[i] = heap[up] as Event;
    heap[i] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1] as Event, heap[down] as Event)) down++;
      if (!before(heap[down] as Event, last)) break;
      heap[i] = heap[down] as Event;
      i = down;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs - b.atMs < 0 || (a.atMs === b.atMs && (a.rank < b.rank || (a.rank === b.rank && a.number < b.number)));
}
