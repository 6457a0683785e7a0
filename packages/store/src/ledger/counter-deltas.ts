import type { ChainRow } from "./chain-rows.ts";
import { Interned } from "./interned.ts";

/** What some rows settle on one counter. */
export interface CounterSumDelta {
  readonly tenant: string;
  readonly limitId: string;
  readonly windowId: string;
  settled: bigint;
  /** Time of the newest. */
  lastMs: number;
}

/** What rows settle on each counter, as they come. */
export class CounterDeltas {
  readonly #names = new Interned();
  readonly #deltas = new Map<number, CounterSumDelta>();

  add({ tenant, entry, fields }: ChainRow): void {
    if (fields.counters === undefined) return;
    const names = this.#names;
    const timeMs = Number(entry.timeUs / 1000n);
    const of = names.value(tenant);
    for (const { limitId, windowId, amount } of fields.counters) {
      const id = names.pair(of, names.pair(names.value(limitId), names.value(windowId)));
      let delta = this.#deltas.get(id);
      if (delta === undefined)
        this.#deltas.set(id, (delta = { tenant, limitId, windowId, settled: 0n, lastMs: timeMs }));
      delta.settled += amount;
      if (timeMs > delta.lastMs) delta.lastMs = timeMs;
    }
  }

  deltas(): CounterSumDelta[] {
    return [...this.#deltas.values()];
  }
}
