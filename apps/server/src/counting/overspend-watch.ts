import type { CounterState } from "@tollhouse/store";

/** Holds each reservation that was admitted against the limit that admitted it: an independent look at what the shared store answers. */
export class OverspendWatch {
  #worst = 0n;

  /** In the limit's unit; must be 0. */
  get worst(): bigint {
    return this.#worst;
  }

  /** Of a reserve or an extension that was granted: right after it no hard limit stands above its amount. */
  see(states: readonly CounterState[]): void {
    for (const { limit, settled, reserved } of states) {
      if (limit.mode !== "hard") continue;
      const over = settled + reserved - limit.amount;
      if (over > this.#worst) this.#worst = over;
    }
  }
}
