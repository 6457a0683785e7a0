import { amountFor } from "../../../packages/store/src/counters/limit-counters.ts";
import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta } from "@tollhouse/store";

export interface HeldOn {
  readonly limit: Limit;
  readonly windowId: string;
}

/** What a node writes down of a call; a kill loses none of it. */
export type Frame =
  | {
      readonly t: "intent";
      readonly id: string;
      readonly atMs: number;
      readonly on: readonly HeldOn[];
      readonly held: Amounts;
    }
  | { readonly t: "extend"; readonly id: string; readonly more: Amounts }
  | { readonly t: "outcome"; readonly id: string; readonly deltas: readonly CounterDelta[] };

export interface OpenCall {
  readonly id: string;
  readonly atMs: number;
  readonly on: readonly HeldOn[];
  held: Amounts;
}

/** Calls that have begun and not ended, and what those that ended used, as a run of frames says it. */
export class CallFold {
  readonly open = new Map<string, OpenCall>();
  /** By `limit window`. */
  readonly settled = new Map<string, bigint>();
  readonly outcomes = new Map<string, number>();

  take(frame: Frame): void {
    switch (frame.t) {
      case "intent":
        this.open.set(frame.id, { id: frame.id, atMs: frame.atMs, on: frame.on, held: frame.held });
        return;
      case "extend": {
        const call = this.open.get(frame.id);
        if (call !== undefined) call.held = plus(call.held, frame.more);
        return;
      }
      case "outcome":
        this.open.delete(frame.id);
        this.outcomes.set(frame.id, (this.outcomes.get(frame.id) ?? 0) + 1);
        for (const { limitId, windowId, amount } of frame.deltas) add(this.settled, `${limitId} ${windowId}`, amount);
    }
  }

  /** Settled and held, by `limit window`. */
  used(): Map<string, bigint> {
    const used = new Map(this.settled);
    for (const { on, held } of this.open.values())
      for (const { limit, windowId } of on) add(used, `${limit.id} ${windowId}`, amountFor(limit, held));
    return used;
  }
}

export function add(to: Map<string, bigint>, name: string, amount: bigint): void {
  to.set(name, (to.get(name) ?? 0n) + amount);
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return { usd: a.usd + b.usd, tokens: a.tokens + b.tokens, requests: a.requests + b.requests };
}
