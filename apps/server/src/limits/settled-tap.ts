import type { Amounts, LimitedCall } from "@tollhouse/engine";

/** A call that settled, as a limit that is being made must see it. */
export interface SettledCall {
  readonly decision: string;
  readonly tenant: string;
  readonly environment: string;
  readonly call: LimitedCall;
  readonly startedMs: number;
  readonly used: Amounts;
}

/** Collects the calls that settle while somebody listens; costs one array length a call while nobody does. */
export class SettledTap {
  readonly #listeners: SettledCall[][] = [];

  get open(): boolean {
    return this.#listeners.length > 0;
  }

  push(call: SettledCall): void {
    for (const listener of this.#listeners) listener.push(call);
  }

  /** Fills the array returned until it is given back to `stop`. */
  listen(): SettledCall[] {
    const calls: SettledCall[] = [];
    this.#listeners.push(calls);
    return calls;
  }

  stop(calls: SettledCall[]): void {
    const at = this.#listeners.indexOf(calls);
    if (at !== -1) this.#listeners.splice(at, 1);
  }
}
