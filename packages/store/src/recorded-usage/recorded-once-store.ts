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

/**
 * Takes all of these names for a record of this body, so that no other node records under one of them; false: another has one of them, and none is
 * taken. `freeRecordedOnce` gives them back where nothing is recorded after all.
 */
export async function claimRecordedOnce(
  db: Queryable,
  place: LimitPlace,
  names: readonly string[],
  body: string,
): Promise<boolean> {
  const { rows } = await db.query<{ name: string }>(sql("claim-recorded-once"), [
    place.tenant,
    place.environment,
    names,
    body,
  ]);
  if (rows.length === names.length) return true;
  if (rows.length > 0)
    await freeRecordedOnce(
      db,
      place,
      rows.map(({ name }) => name),
    );
  return false;
}

export async function freeRecordedOnce(db: Queryable, place: LimitPlace, names: readonly string[]): Promise<void> {
  await db.query(sql("free-recorded-once"), [place.tenant, place.environment, names]);
}

/** Of all tenants. A name that is forgotten can be recorded under again. */
export async function forgetRecordedOnce(db: Queryable, beforeMs: number): Promise<void> {
  await db.query(sql("forget-recorded-once"), [new Date(beforeMs)]);
}
