import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** A verification that somebody asked for and does not wait for. `Found`: what it says when it is through. */
export interface StoredWalk<Found> {
  readonly from: bigint;
  readonly to: bigint | "latest";
  readonly beganMs: number;
  /** Null: it waits for its turn. */
  readonly walked: { readonly entries: bigint; readonly of: bigint } | null;
  readonly endedMs: number | null;
  /** Null: it is not through; where it has ended, it never will be. */
  readonly found: Found | null;
  /** Nothing was heard for long of the process that walks it: that one has ended. */
  readonly isLost: boolean;
}

export interface WalkBegun {
  /** 32 hex digits each. */
  readonly tenant: string;
  readonly id: string;
  readonly from: bigint;
  readonly to: bigint | "latest";
}

/** Of one tenant, under way or waiting. */
export const WALKS_MAX = 5;
/** A walk says at least ten times as often that it is under way. */
const SILENT_S = 60;
const KEPT_DAYS = 30;

interface WalkRow<Found> {
  readonly from_sequence: bigint;
  readonly to_sequence: bigint | null;
  readonly began_at: Date;
  readonly walked: bigint | null;
  readonly entries: bigint | null;
  readonly ended_at: Date | null;
  readonly answer: Found | null;
  readonly silent: boolean;
}

/** As the installation. False: WALKS_MAX are under way. */
export async function beginWalk(db: Queryable, { tenant, id, from, to }: WalkBegun): Promise<boolean> {
  const end = to === "latest" ? null : to;
  const values = [tenant, id, from, end, WALKS_MAX, SILENT_S, KEPT_DAYS];
  return (await db.query(sql("insert-ledger-walk"), values)).rows.length === 1;
}

/** That it is under way still, and how far. */
export async function noteWalk(
  db: Queryable,
  { tenant, id }: Pick<WalkBegun, "tenant" | "id">,
  walked: { readonly entries: number; readonly of: number } | null,
): Promise<void> {
  await db.query(sql("note-ledger-walk"), [tenant, id, walked?.entries ?? null, walked?.of ?? null]);
}

/** Null: it was ended before it was through. */
export async function endWalk<Found>(
  db: Queryable,
  { tenant, id }: Pick<WalkBegun, "tenant" | "id">,
  found: Found | null,
): Promise<void> {
  await db.query(sql("end-ledger-walk"), [tenant, id, found === null ? null : JSON.stringify(found)]);
}

/** Null: there is none of this id. */
export async function loadWalk<Found>(db: Queryable, tenant: string, id: string): Promise<StoredWalk<Found> | null> {
  const [row] = (await db.query<WalkRow<Found>>(sql("ledger-walk"), [tenant, id, SILENT_S])).rows;
  if (row === undefined) return null;
  const { walked, entries } = row;
  return {
    from: row.from_sequence,
    to: row.to_sequence ?? "latest",
    beganMs: row.began_at.getTime(),
    walked: walked === null || entries === null ? null : { entries: walked, of: entries },
    endedMs: row.ended_at?.getTime() ?? null,
    found: row.answer,
    isLost: row.silent,
  };
}
