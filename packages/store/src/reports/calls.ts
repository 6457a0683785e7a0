import { DIMENSIONS } from "@tollhouse/contract";
import type { Dimensions, Usage } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { decodeBody, decodeFields, ENTRY_FLAGS, ENTRY_TYPES, ENTRY_USAGE_SOURCES } from "@tollhouse/ledger";
import type { EntryType } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";

export type CallOutcome = "settled" | "released" | "blocked";

export interface CallsRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Rows at most, 1 to 1000. */
  readonly limit: number;
  /** `next_cursor` of the page before; null = the newest calls. */
  readonly cursor: string | null;
  readonly environment?: string;
  readonly session?: string;
  /** The readable id. */
  readonly user?: string;
  readonly model?: string;
  readonly outcome?: CallOutcome;
}

/** Product.md §7, and what else the entry says. */
export interface CallAnswer {
  /** `dec_…` */
  readonly decision: string;
  readonly sequence: number;
  /** RFC 3339, UTC: when it was decided. */
  readonly time: string;
  readonly environment: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly key: string | null;
  readonly dimensions: Dimensions;
  readonly outcome: CallOutcome;
  readonly reason_code: string | null;
  readonly status: number | null;
  /** null = not known, or nothing was used. */
  readonly usage: Usage | null;
  readonly usage_source: string | null;
  /** Dollars with nine places; null = no price is known: never a silent zero. */
  readonly cost: string | null;
  readonly latency_ms: number | null;
  readonly doubt: string | null;
  /** Hex. */
  readonly entry_hash: string;
}

export interface CallsPage {
  readonly calls: readonly CallAnswer[];
  readonly next_cursor: string | null;
}

/** A call with the stored bytes of its entry: the receipt. */
export interface CallWithEntry {
  readonly call: CallAnswer;
  readonly body: Uint8Array;
  readonly mac: Uint8Array;
}

type CallRow = {
  readonly entry_id: string;
  readonly sequence: bigint;
  readonly type: number;
  readonly flags: number;
  readonly time_us: bigint;
  readonly amount_nano: bigint;
  readonly status: number | null;
  readonly usage_source: number;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly mac: Buffer;
} & {
  readonly [C in (typeof DIMENSIONS)[number] | "environment" | "provider" | "model" | "endpoint" | "key" | "reason"]:
    | string
    | null;
};

const OUTCOME_TYPES: { readonly [O in CallOutcome]: readonly EntryType[] } = {
  settled: ["call_settled", "usage_recorded"],
  released: ["call_released"],
  blocked: ["call_blocked"],
};
const CALLS_MAX = 1000;
const SEQUENCE_END = (1n << 63n) - 1n;

/** A page of calls, newest first. Throws RangeError naming the field: `limit`, `cursor`. */
export async function listCalls(db: Queryable, keys: LedgerKeys, request: CallsRequest): Promise<CallsPage> {
  const { tenant, limit } = request;
  if (!Number.isInteger(limit) || limit < 1 || limit > CALLS_MAX)
    throw new RangeError(`limit: expected a whole number from 1 to ${CALLS_MAX}, got ${limit}`);
  const types = (request.outcome ? OUTCOME_TYPES[request.outcome] : Object.values(OUTCOME_TYPES).flat()).map(
    (type) => ENTRY_TYPES[type],
  );
  const { rows } = await db.query<CallRow>(sql("calls"), [
    tenant,
    sequenceOf(request.cursor),
    limit + 1,
    request.environment ?? null,
    request.session ?? null,
    request.user === undefined ? null : keys.userLookup(tenant, request.user),
    request.model ?? null,
    types,
  ]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { calls: page.map(callAnswer), next_cursor: rows.length > limit && last ? String(last.sequence) : null };
}

/** `decision`: 32 hex digits, with or without `dec_`. Null = the ledger has no such call (yet). */
export async function callByDecision(db: Queryable, tenant: string, decision: string): Promise<CallWithEntry | null> {
  const id = decision.replace(/^dec_/, "");
  if (!/^[0-9a-f]{32}$/.test(id)) return null;
  const [row] = (await db.query<CallRow>(sql("call-by-decision"), [tenant, id])).rows;
  return row ? { call: callAnswer(row), body: row.body, mac: row.mac } : null;
}

function sequenceOf(cursor: string | null): bigint {
  if (cursor === null) return SEQUENCE_END;
  if (!/^[1-9]\d{0,17}$/.test(cursor)) throw new RangeError("cursor: expected the next_cursor of an earlier answer");
  return BigInt(cursor);
}

function callAnswer(row: CallRow): CallAnswer {
  const fields = decodeFields(decodeBody(row.body).fields);
  const source = ENTRY_USAGE_SOURCES[row.usage_source] ?? "unknown";
  const { environment, provider, model, endpoint, key, status } = row;
  return {
    decision: `dec_${idOfUuid(row.entry_id)}`,
    sequence: Number(row.sequence),
    time: new Date(Number(row.time_us / 1000n)).toISOString(),
    environment,
    provider,
    model,
    endpoint,
    key,
    dimensions: dimensionsOf(row),
    outcome: outcomeOf(row.type),
    reason_code: row.reason,
    status,
    usage: fields.usage ?? null,
    usage_source: source === "none" ? null : source,
    cost: (row.flags & ENTRY_FLAGS.costUnknown) === 0 ? formatNano(row.amount_nano) : null,
    latency_ms: fields.latencyMs ?? null,
    doubt: fields.doubt ?? null,
    entry_hash: row.entry_hash.toString("hex"),
  };
}

function dimensionsOf(row: CallRow): Dimensions {
  const said = DIMENSIONS.flatMap((name) => (row[name] === null ? [] : [[name, row[name]] as const]));
  return Object.fromEntries(said);
}

function outcomeOf(type: number): CallOutcome {
  if (type === ENTRY_TYPES.call_blocked) return "blocked";
  return type === ENTRY_TYPES.call_released ? "released" : "settled";
}
