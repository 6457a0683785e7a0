import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { OpenCall } from "../spool/open-calls.ts";
import { idOfUuid } from "./tenant-id.ts";

/** Decisions of these calls that have an entry: the call ended, whatever the spool still knows of it. */
export async function recordedCalls(db: Queryable, calls: readonly OpenCall[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ entry_id: string }>(sql("entries-present"), [
    calls.map(({ intent }) => intent.tenant),
    calls.map(({ intent }) => intent.decision),
  ]);
  return new Set(rows.map((row) => idOfUuid(row.entry_id)));
}
