import { decodeFields, type Entry, type EntryFields } from "@tollhouse/ledger";
import type { AdminRecord } from "../spool/records.ts";

/** That an environment's calls before a time have no details any more, as an entry of the chain says it. */
export interface SaidPurge {
  readonly environment: string;
  /** Microseconds since 1970. */
  readonly beforeUs: bigint;
  /** Of the entry: those before it are meant, and none that comes later. */
  readonly sequence: bigint;
}

export const PURGED = "retention.purged";

export interface PurgeToSay {
  readonly tenant: string;
  readonly environment: string;
  readonly entryId: string;
  readonly fromUs: bigint;
  readonly beforeUs: bigint;
  readonly entries: bigint;
  readonly payloads: bigint;
}

/** The same purge makes the same entry, however often it is said. */
export function purgeRecord(purge: PurgeToSay, nowMs: number): AdminRecord {
  const { tenant, environment, entryId, fromUs, beforeUs, entries, payloads } = purge;
  const month = isoOf(fromUs).slice(0, 7);
  return {
    t: "admin",
    id: entryId,
    timeMs: nowMs,
    tenant,
    environment,
    actor: "tollhouse",
    action: PURGED,
    subject: month,
    before: null,
    after: JSON.stringify({ before: isoOf(beforeUs), entries: Number(entries), payloads: Number(payloads) }),
  };
}

/** Null = the entry says no such thing. */
export function purgeSaidBy(entry: Entry, fields: EntryFields = decodeFields(entry.fields)): SaidPurge | null {
  const { environment, action, after } = fields;
  if (entry.type !== "admin_action" || action !== PURGED || environment === undefined) return null;
  const beforeMs = beforeOf(after);
  return beforeMs === null ? null : { environment, beforeUs: BigInt(beforeMs) * 1000n, sequence: entry.sequence };
}

function beforeOf(after: string | undefined): number | null {
  try {
    const { before } = JSON.parse(after ?? "null") as { readonly before?: unknown };
    const ms = typeof before === "string" ? Date.parse(before) : NaN;
    return Number.isSafeInteger(ms) && ms >= 0 ? ms : null;
  } catch {
    return null;
  }
}

function isoOf(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString();
}
