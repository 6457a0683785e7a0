import { decodeBody, decodeFields } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { fieldBytes } from "../ledger/field-bytes.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";

export interface AuditRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Rows at most, 1 to 1000. */
  readonly limit: number;
  /** `next_cursor` of the page before; null = the newest changes. */
  readonly cursor: string | null;
  /** null = all of the tenant's. */
  readonly environment: string | null;
  readonly action: string | null;
  readonly subject: string | null;
  /** Half-open `[fromMs, toMs)`; null = no bound. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** One change of configuration, as the ledger has it. */
export interface AuditEntry {
  /** `chg_…` */
  readonly id: string;
  readonly sequence: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly environment: string | null;
  readonly actor: string | null;
  readonly action: string | null;
  readonly subject: string | null;
  /** What it was and what it became; null = there was none, or there is none any more. */
  readonly before: unknown;
  readonly after: unknown;
  /** Hex. */
  readonly entry_hash: string;
}

export interface AuditPage {
  readonly changes: readonly AuditEntry[];
  readonly next_cursor: string | null;
}

interface AuditRow {
  readonly [column: string]: unknown;
  readonly entry_id: string;
  readonly sequence: bigint;
  readonly time_us: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
}

const SEQUENCE_END = (1n << 63n) - 1n;

/** A page of changes, newest first. */
export async function listAudit(db: Queryable, request: AuditRequest): Promise<AuditPage> {
  const { tenant, limit, cursor, environment, action, subject, fromMs, toMs } = request;
  const { rows } = await db.query<AuditRow>(sql("audit"), [
    tenant,
    cursor === null ? SEQUENCE_END : BigInt(cursor),
    limit + 1,
    environment,
    fromMs === null ? null : BigInt(fromMs) * 1000n,
    toMs === null ? null : BigInt(toMs) * 1000n,
    action === null ? null : fieldBytes({ action }),
    subject === null ? null : fieldBytes({ subject }),
  ]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    changes: page
      .map(auditEntry)
      .filter((entry) => (action ?? entry.action) === entry.action && (subject ?? entry.subject) === entry.subject),
    next_cursor: rows.length > limit && last ? String(last.sequence) : null,
  };
}

function auditEntry(row: AuditRow): AuditEntry {
  const fields = decodeFields(decodeBody(row.body).fields);
  return {
    id: `chg_${idOfUuid(row.entry_id)}`,
    sequence: Number(row.sequence),
    time: new Date(Number(row.time_us / 1000n)).toISOString(),
    environment: fields.environment ?? null,
    actor: fields.actor ?? null,
    action: fields.action ?? null,
    subject: fields.subject ?? null,
    before: parsed(fields.before),
    after: parsed(fields.after),
    entry_hash: row.entry_hash.toString("hex"),
  };
}

/** Written as JSON by this version; a text of another version that is none is shown as it is. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
