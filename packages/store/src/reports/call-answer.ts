import { DIMENSIONS } from "@tollhouse/contract";
import type { Dimensions, Usage } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { decodeBody, decodeFields, ENTRY_FLAGS, ENTRY_TYPES, ENTRY_USAGE_SOURCES } from "@tollhouse/ledger";
import { idOfUuid } from "../ledger/tenant-id.ts";

export const CALL_OUTCOMES = ["settled", "released", "blocked"] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

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

export type CallRow = {
  readonly entry_id: string;
  readonly ref_id: string | null;
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

/** Columns of a `CallRow`, of `ledger_entries AS e LEFT JOIN users AS u`. */
export const CALL_COLUMNS = `e.entry_id::text, e.ref_id::text, e.sequence, e.type, e.flags, e.time_us, e.amount_nano, e.environment, e.provider, e.model, e.endpoint, e.key,
  e.session, e.agent, e.feature, e.service, coalesce(u.readable, encode(e.user_pseudonym, 'hex')) AS "user", e.team, e.customer,
  e.reason, e.status, e.usage_source, e.body, e.entry_hash, e.mac`;

export function callAnswer(row: CallRow): CallAnswer {
  const fields = decodeFields(decodeBody(row.body).fields);
  const source = ENTRY_USAGE_SOURCES[row.usage_source] ?? "unknown";
  const { environment, provider, model, endpoint, key, status } = row;
  return {
    decision: `dec_${idOfUuid(decisionOf(row))}`,
    sequence: Number(row.sequence),
    time: new Date(Number(row.time_us / 1000n)).toISOString(),
    environment,
    provider,
    model,
    endpoint,
    key,
    dimensions: dimensionsOf(row),
    outcome: outcomeOf(row),
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

/** What is said anew names the entry that it stands for. */
function decisionOf({ type, entry_id: id, ref_id: amended }: CallRow): string {
  return type === ENTRY_TYPES.correction ? (amended ?? id) : id;
}

function outcomeOf({ type, usage_source: source }: CallRow): CallOutcome {
  if (type === ENTRY_TYPES.call_blocked) return "blocked";
  return ENTRY_USAGE_SOURCES[source] === "none" ? "released" : "settled";
}
