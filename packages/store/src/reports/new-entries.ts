import { decodeBody, decodeFields, ENTRY_TYPES } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { callAnswer, type CallAnswer, type CallRow } from "./call-answer.ts";

/** That somebody changed something; what it was and became, the audit tells. */
export interface ChangeNews {
  readonly sequence: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** null = of the whole tenant. */
  readonly environment: string | null;
  readonly actor: string | null;
  readonly action: string | null;
  readonly subject: string | null;
}

/** What a chain has behind one place and up to another, oldest first. */
export interface NewEntries {
  readonly calls: readonly CallAnswer[];
  readonly changes: readonly ChangeNews[];
  /** Were there more than are here? Then these are the newest; or some came late, of a month whose details were purged. */
  readonly more: boolean;
}

/** Of calls: as many as one can watch go by in a second. */
const CALLS_MAX = 20;
const CHANGES_MAX = 100;
const CHANGES: ReadonlySet<number> = new Set([ENTRY_TYPES.admin_action, ENTRY_TYPES.key_rotation, ENTRY_TYPES.erasure]);

/** Sequence of a tenant's newest entry; 0 = it has none. */
export async function latestSequence(db: Queryable, tenant: string): Promise<bigint> {
  const { rows } = await db.query<{ sequence: bigint | null }>(sql("latest-sequence"), [tenant]);
  return rows[0]?.sequence ?? 0n;
}

/** Of the entries in `(after, upTo]`. */
export async function newEntries(db: Queryable, tenant: string, after: bigint, upTo: bigint): Promise<NewEntries> {
  const asked = [tenant, after, upTo, CALLS_MAX + 1, CHANGES_MAX + 1];
  const { rows } = await db.query<CallRow & { readonly purged: boolean }>(sql("new-entries"), asked);
  const calls = rows.filter(({ type, purged }) => !CHANGES.has(type) && !purged);
  const changes = rows.filter(({ type }) => CHANGES.has(type));
  return {
    calls: calls.slice(-CALLS_MAX).map(callAnswer),
    changes: changes.slice(-CHANGES_MAX).map(changeNews),
    more: rows.some(({ purged }) => purged) || calls.length > CALLS_MAX || changes.length > CHANGES_MAX,
  };
}

function changeNews({ sequence, time_us, environment, body }: CallRow): ChangeNews {
  const { actor, action, subject } = decodeFields(decodeBody(body).fields);
  return {
    sequence: Number(sequence),
    time: new Date(Number(time_us / 1000n)).toISOString(),
    environment,
    actor: actor ?? null,
    action: action ?? null,
    subject: subject ?? null,
  };
}
