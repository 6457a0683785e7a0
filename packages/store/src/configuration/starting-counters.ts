import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";
import type { CounterSum } from "../reports/counter-sums.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** A limit or policy that is in force, and does not count yet what was used before. */
export interface Starting {
  readonly id: string;
  readonly version: number;
  /** Whose default budget it is about; else null. */
  readonly session: string | null;
  /** Of a policy; else null. */
  readonly slots: readonly string[] | null;
}

export async function insertStarting(db: Queryable, place: LimitPlace, starting: Starting): Promise<void> {
  const { id, version, session, slots } = starting;
  await db.query(sql("insert-starting-counters"), [place.tenant, place.environment, id, version, session, slots]);
}

export async function deleteStarting(db: Queryable, place: LimitPlace, { id, version }: Starting): Promise<void> {
  await db.query(sql("delete-starting-counters"), [place.tenant, place.environment, id, version]);
}

/** Waits for whoever else counts in this place; held until the transaction ends. */
export async function lockStarting(tx: Queryable, place: LimitPlace): Promise<void> {
  await tx.query(sql("lock-starting-counters"), [place.tenant, place.environment]);
}

/** Those older than this, of all tenants: `db` acts for the installation. */
export async function abandonedStarting(
  db: Queryable,
  olderThanS: number,
  atMost: number,
): Promise<(LimitPlace & Starting)[]> {
  const { rows } = await db.query<LimitPlace & Starting>(sql("abandoned-starting-counters"), [olderThanS, atMost]);
  return rows.map((row) => ({ ...row, tenant: idOfUuid(row.tenant) }));
}

/** What these counters have settled in these windows, as far as it is recorded; those that have nothing are left out. */
export async function settledSums(
  db: Queryable,
  tenant: string,
  limitIds: readonly string[],
  windowIds: readonly string[],
): Promise<CounterSum[]> {
  const { rows } = await db.query<{ limit_id: string; window_id: string; settled: bigint }>(sql("settled-sums"), [
    tenant,
    limitIds,
    windowIds,
  ]);
  return rows.map((row) => ({ limitId: row.limit_id, windowId: row.window_id, settled: row.settled }));
}
