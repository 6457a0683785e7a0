/** A timer that comes later than this says that the process itself was late. */
const LATE_MS = 20;

interface Waiting {
  readonly atMs: number;
  /** Null: it is over. */
  late: (() => void) | null;
}

/**
 * One deadline for all of many short waits, with one timer: most are over long before, and a timer each would cost more than they do.
 */
export class Deadlines {
  readonly #afterMs: number;
  #waiting: Waiting[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** Settles as `work` does, or is rejected with what `late` makes, if that is earlier. */
  within<T>(work: Promise<T>, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { atMs: performance.now() + this.#afterMs, late: () => reject(late()) };
      this.#waiting.push(waiting);
      this.#timer ??= this.#start(this.#afterMs);
      work.then(
        (value) => {
          waiting.late = null;
          resolve(value);
        },
        (error: unknown) => {
          waiting.late = null;
          reject(error as Error);
        },
      );
    });
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #start(ms: number): NodeJS.Timeout {
    // A turn of the loop later: after a long one, timers come before the answers that have arrived meanwhile.
    const sweep = (): void => void setImmediate(() => this.#sweep());
    const dueMs = performance.now() + ms;
    return setTimeout(
      () => {
        const lateMs = performance.now() - dueMs;
        // What was asked in a long turn left when that was over: the store has had none of the time that we took.
        if (lateMs < LATE_MS) sweep();
        else this.#timer = setTimeout(sweep, Math.min(lateMs, this.#afterMs)).unref();
      },
      Math.max(1, ms),
    ).unref();
  }

  #sweep(): void {
    const nowMs = performance.now();
    while (this.#first < this.#waiting.length) {
      const waiting = this.#waiting[this.#first] as Waiting;
      if (waiting.late !== null && waiting.atMs > nowMs) break;
      this.#first++;
      waiting.late?.();
    }
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
    const next = this.#waiting[0];
    this.#timer = next === undefined ? null : this.#start(next.atMs - nowMs);
  }
}
