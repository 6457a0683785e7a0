import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** For the transaction of one report: room for its sums, and none of what only longer statements gain from. */
export async function reportSettings(tx: Queryable): Promise<void> {
  await tx.query(sql("report-settings"), []);
}
