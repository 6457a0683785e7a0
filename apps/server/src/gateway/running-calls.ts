import type { Exchange } from "./exchange.ts";

/**
 * The calls under way. An array, where each knows its place, and no Set: V8 links every table that a Set or Map outgrew to the next
 * one, and a table that was promoted once keeps all later ones, with every call that was under way when they were outgrown,
 * until the next full collection. Measured with a Set: 13 KB of dead calls promoted a call, and 50 µs of collector threads.
 */
export class RunningCalls {
  readonly #calls: Exchange[] = [];

  add(call: Exchange): void {
    call.place = this.#calls.push(call) - 1;
  }

  /** True for the first time only. */
  delete(call: Exchange): boolean {
    if (call.place === null) return false;
    const last = this.#calls.pop() as Exchange;
    if (last !== call) {
      this.#calls[call.place] = last;
      last.place = call.place;
    }
    call.place = null;
    return true;
  }

  /** Those of this moment: ending them while going through them leaves none out. */
  [Symbol.iterator](): Iterator<Exchange> {
    return [...this.#calls].values();
  }
}
