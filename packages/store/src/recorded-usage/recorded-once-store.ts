import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";
import type { RecordedOnce } from "../spool/records.ts";

/** Of these names (64 hex digits) those under which something was recorded. What is in the spool alone is not among them yet. */
export async function findRecordedOnce(
  db: Queryable,
  place: LimitPlace,
  names: readonly string[],
): Promise<ReadonlyMap<string, RecordedOnce>> {
  const values = [place.tenant, place.environment, names];
  const { rows } = await db.query<{ name: string; body: string; answer: string }>(sql("recorded-once"), values);
  return new Map(rows.map((row) => [row.name, row]));
}

/** Of all tenants. A name that is forgotten can be recorded under again. */
export async function forgetRecordedOnce(db: Queryable, beforeMs: number): Promise<void> {
  await db.query(sql("forget-recorded-once"), [new Date(beforeMs)]);
}
