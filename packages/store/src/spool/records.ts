import type { Dimensions, Endpoint, ReasonCode, Usage, UsageSource } from "@tollhouse/contract";
import type { BlockChange } from "../blocks/block-store.ts";

/**
 * What the call path writes to the spool, one JSON payload a frame. Field names are short on purpose: a frame is written
 * for every call. Amounts are decimal strings of integers (nano-dollars): JSON has no bigint.
 *
 * `decision` is the id without its prefix: 32 hex digits of a UUIDv7. It is the entry id of the call in the ledger.
 */
export type SpoolRecord =
  | IntentRecord
  | ExtendRecord
  | OutcomeRecord
  | BlockedRecord
  | AdminRecord
  | UsageRecord
  | SweptRecord
  | ErasureRecord
  | KeyRotationRecord;

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
  readonly plan?: string;
  /** What policies decided, as JSON (docs/ledger-format.md, field 56). Absent: none applied. */
  readonly policy?: string;
  /**
   * An SDK's check that holds: Tollhouse sends nothing for it, so at this moment it is released where its usage was not recorded, and a
   * crash does not settle it. Absent: a call that Tollhouse carries.
   */
  readonly expiresMs?: number;
  /** It was admitted though its limits could not be read: shared counters hold nothing for it. */
  readonly uncounted?: true;
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
  /** Id of the limit, or of the anomaly rule, that refused; null = neither did. */
  readonly limit: string | null;
  /** How the limits of the call stood; absent: none was matched before it was refused. */
  readonly limits?: readonly LimitSeenRecord[];
  /** What did not fit into `limit`, in its unit. */
  readonly required?: string;
  readonly plan?: string;
  readonly policy?: string;
}

/** A change of configuration: who, what, before, after (JSON texts without secrets). */
export interface AdminRecord {
  readonly t: "admin";
  /** 32 hex digits, unique: the entry id. */
  readonly id: string;
  readonly timeMs: number;
  readonly tenant: string;
  /** null = it is about the whole tenant. */
  readonly environment: string | null;
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
  /** Written with the entry, so that a stop holds from the moment it is in the spool on, whether or not the database can be reached. */
  readonly block?: BlockChange;
}

/**
 * Usage of a call that Tollhouse did not carry, as an SDK recorded it. One frame: its entry, the end of its check and the answer under
 * its idempotency keys are there together, or none of them is.
 */
export interface UsageRecord {
  readonly t: "usage";
  /** 32 hex digits, the entry id. Of an open check its own decision, which this ends. */
  readonly decision: string;
  /** When it was used; of an open check, when that was made. */
  readonly timeMs: number;
  readonly recordedMs: number;
  readonly tenant: string;
  readonly environment: string;
  readonly provider: string;
  readonly model: string;
  readonly endpoint: Endpoint | null;
  readonly dimensions: Dimensions;
  readonly key: string | null;
  /** released: provably nothing was used. */
  readonly end: "settled" | "released";
  readonly status: number | null;
  readonly usage: Usage;
  readonly source: UsageSource;
  /** Nano-dollars; null = unknown (no price). */
  readonly cost: string | null;
  readonly priceVersion: string | null;
  readonly servedModel: string | null;
  readonly tier: string | null;
  readonly providerId: string | null;
  readonly doubt: string | null;
  readonly latencyMs: number | null;
  /** As of an intent: what policies decided of its check. */
  readonly plan?: string;
  readonly policy?: string;
  /** What it counts on each limit. */
  readonly counters: readonly { readonly limit: string; readonly window: string; readonly amount: string }[];
  /** Does it end the open check of its decision? */
  readonly ends: boolean;
  /** The check that it names where that is not open: expired, or it never held anything. */
  readonly check: string | null;
  readonly once: readonly RecordedOnce[];
  /** Texts of request and answer, where their environment keeps them: sealed under the tenant's own key (base64), and until when. */
  readonly payload?: { readonly sealed: string; readonly expiresMs: number };
}

/**
 * The end of a call whose node did not come back, written by another one. One frame: neither the intent nor anything else of the call is
 * in this spool. Its own node's outcome, if that comes after all, amends it.
 */
export interface SweptRecord {
  readonly t: "swept";
  readonly decision: string;
  /** When it was swept, and when it was decided. */
  readonly timeMs: number;
  readonly startedMs: number;
  readonly tenant: string;
  /** null = not known. */
  readonly environment: string | null;
  /** As the database has it; null: it was too young for that, and what is known of it is what the counters say. */
  readonly intent: IntentRecord | null;
  /** settled at what was held; released: a check of an SDK, whose time is over. */
  readonly end: "settled" | "released";
  /** What was held; null = not known. */
  readonly reservedUsd: string | null;
  readonly reservedTokens: string | null;
  /** What each counter was settled by. */
  readonly counters: readonly { readonly limit: string; readonly window: string; readonly amount: string }[];
  readonly doubt: string;
}

/**
 * A user is forgotten at this place of the spool: what stands before it is theirs, what comes after is a stranger's. The recorder erases
 * the user's row and what names them in the transaction of the entry. It names nobody: a lookup, and ids of rows.
 */
export interface ErasureRecord {
  readonly t: "erasure";
  /** 32 hex digits, the entry id. */
  readonly id: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly actor: string;
  /** Where the user's row is found, 64 hex digits. */
  readonly lookup: string;
  readonly rows: ErasedRows;
}

/** Rows of the past that name the user, by id: limits, lifted blocks, revoked keys, earlier versions of policies. */
export interface ErasedRows {
  readonly limits: readonly string[];
  readonly blocks: readonly string[];
  readonly keys: readonly string[];
  readonly policies: readonly { readonly id: string; readonly version: number }[];
}

/** From the entry after this one on, the tenant's chain is MACed by its next key. */
export interface KeyRotationRecord {
  readonly t: "rotation";
  /** 32 hex digits, the entry id. */
  readonly id: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly actor: string;
}

/** Under which name a record was made, of which body, and what was answered: so that it is recorded once. */
export interface RecordedOnce {
  /** SHA-256 of place, key and idempotency key (or check), 64 hex digits; and of what was sent. */
  readonly name: string;
  readonly body: string;
  /** JSON text. */
  readonly answer: string;
}
