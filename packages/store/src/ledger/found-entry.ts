import { decodeBody, type Entry } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

export interface FoundEntry {
  readonly entry: Entry;
  readonly sequence: number;
  /** Hex. */
  readonly entryHash: string;
}

/** The entry of this id; null = the recorder has not written it. */
export async function findEntry(db: Queryable, tenant: string, entryId: string): Promise<FoundEntry | null> {
  const { rows } = await db.query<{ sequence: bigint; body: Buffer; entry_hash: Buffer }>(sql("entry-by-id"), [
    tenant,
    entryId,
  ]);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    entry: decodeBody(row.body),
    sequence: Number(row.sequence),
    entryHash: row.entry_hash.toString("hex"),
  };
}
