import type { Dimensions, Endpoint, ReasonCode, Usage, UsageSource } from "@tollhouse/contract";

/**
 * What the call path writes to the spool, one JSON payload a frame. Field names are short on purpose: a frame is written
 * for every call. Amounts are decimal strings of integers (nano-dollars): JSON has no bigint.
 *
 * `decision` is the id without its prefix: 32 hex digits of a UUIDv7. It is the entry id of the call in the ledger.
 */
export type SpoolRecord = IntentRecord | ExtendRecord | OutcomeRecord | BlockedRecord | AdminRecord;

/**
 * A limit as a decision saw it: `id scope measure window mode version amount zone window-id settled reserved`, parted by spaces;
 * `scope` is its kind alone. A text and not an object, and the window's id and not its end: it is written for every limit of every
 * call (measured: half a microsecond a limit; as an array more, whose quotes and commas cost as much as its numbers).
 */
export type LimitSeenRecord = string;

/** Durable before the first upstream byte. */
export interface IntentRecord {
  readonly t: "intent";
  readonly decision: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly environment: string;
  readonly provider: string;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly stream: boolean;
  readonly dimensions: Dimensions;
  readonly key: string | null;
  /** Version of the price book the estimate used; null = no price. */
  readonly priceVersion: string | null;
  /** Held at first, nano-dollars; tokens; always one request. */
  readonly reservedUsd: string;
  readonly reservedTokens: string;
  /** The counters it holds on: limit id, window id, measure. */
  readonly counters: readonly {
    readonly limit: string;
    readonly window: string;
    readonly measure: "usd" | "tokens" | "requests";
  }[];
  /** How they stood, this call's reservation included. Absent: written before this was recorded, or no limit applied. */
  readonly limits?: readonly LimitSeenRecord[];
}

/** A pending reservation grew. Amounts are what was *added*. */
export interface ExtendRecord {
  readonly t: "extend";
  readonly decision: string;
  readonly usd: string;
  readonly tokens: string;
}

/** The one end of a call that had an intent. */
export interface OutcomeRecord {
  readonly t: "outcome";
  readonly decision: string;
  readonly timeMs: number;
  /** settled: it cost `cost`; released: provably nothing was used. */
  readonly end: "settled" | "released";
  /** HTTP status the provider answered, null = none. */
  readonly status: number | null;
  /** Set where Tollhouse ended or failed the call (cut stream, upstream failure). */
  readonly reason: ReasonCode | null;
  readonly usage: Usage;
  readonly source: UsageSource;
  /** Nano-dollars; null = unknown (no price): counts 0 to soft limits and is flagged, never silently 0. */
  readonly cost: string | null;
  readonly servedModel: string | null;
  readonly tier: string | null;
  readonly providerId: string | null;
  readonly doubt: string | null;
  /** What each counter of the intent was settled by, in the intent's order. */
  readonly deltas: readonly string[];
  /** Counters of limits that came into force while the call ran. */
  readonly late: readonly { readonly limit: string; readonly window: string; readonly amount: string }[];
  readonly latencyMs: number;
}

/** A call that was refused before an intent. */
export interface BlockedRecord {
  readonly t: "blocked";
  readonly decision: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly environment: string;
  readonly provider: string;
  readonly model: string;
  readonly endpoint: Endpoint | null;
  readonly dimensions: Dimensions;
  readonly key: string | null;
  readonly reason: ReasonCode;
  readonly limit: string | null;
  /** How the limits of the call stood; absent: none was matched before it was refused. */
  readonly limits?: readonly LimitSeenRecord[];
  /** What did not fit into `limit`, in its unit. */
  readonly required?: string;
}

/** A change of configuration: who, what, before, after (JSON texts without secrets). */
export interface AdminRecord {
  readonly t: "admin";
  /** 32 hex digits, unique: the entry id. */
  readonly id: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly environment: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  /**
   * Counters that the change starts with: a new limit counts what its scope already used in the current window. Folded like
   * the deltas of a call, so that counters stay the fold of the ledger.
   */
  readonly counters?: readonly { readonly limit: string; readonly window: string; readonly amount: string }[];
}
