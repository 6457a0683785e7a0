import type { LimitMode, Measure, Scope, WindowKind } from "@tollhouse/contract";

/** A compiled limit. Immutable; a changed limit is a new object with the same id and a higher version. */
export interface Limit {
  /** `lim_…` */
  readonly id: string;
  readonly scope: Scope;
  readonly measure: Measure;
  /** Nano-dollars for `usd`, else whole tokens or requests. */
  readonly amount: bigint;
  readonly window: WindowKind;
  /** IANA zone of calendar windows. */
  readonly timeZone: string;
  readonly mode: LimitMode;
  readonly version: number;
  /** Where the default session budget made it, so that a limit of its own replaces it. */
  readonly derived: boolean;
  /**
   * Of policies. The counter is that of all calls of the scope, and amount and mode are this call's own: another call may be held to
   * others on the same counter. `counted`: this call is not held to it at all (soft, and named nowhere). Missing: the limit's own.
   */
  readonly perCall?: "held" | "counted";
}

/** Half-open `[startMs, endMs)`; `lifetime` has endMs = Infinity. The id is part of the counter's key: nothing ever resets. */
export interface Window {
  /** `2026-11-21T06:00Z` for calendar windows (in UTC), a slot number for `rolling_24h`, `lifetime`. */
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What a call holds or used, by measure. All ≥ 0. */
export interface Amounts {
  /** Nano-dollars. */
  readonly usd: bigint;
  readonly tokens: bigint;
  readonly requests: bigint;
}
