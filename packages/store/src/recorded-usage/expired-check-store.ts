import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** A check that held an amount and was never recorded. */
export interface ExpiredCheck {
  /** 32 hex digits. */
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly reservedUsd: bigint;
  readonly checkedMs: number;
  readonly expiredMs: number;
}

interface ExpiredCheckRow {
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly reserved_usd: bigint;
  readonly checked_at: Date;
  readonly expired_at: Date;
}

const AFTER_ALL = "ffffffffffffffffffffffffffffffff";

/** The newest first. `before`: the last decision of the page before; null = from the newest. */
export async function listExpiredChecks(
  db: Queryable,
  place: LimitPlace,
  before: string | null,
  limit: number,
): Promise<ExpiredCheck[]> {
  const values = [place.tenant, place.environment, before ?? AFTER_ALL, limit];
  const { rows } = await db.query<ExpiredCheckRow>(sql("expired-checks"), values);
  return rows.map((row) => ({
    decision: idOfUuid(row.decision),
    provider: row.provider,
    model: row.model,
    reservedUsd: row.reserved_usd,
    checkedMs: row.checked_at.getTime(),
    expiredMs: row.expired_at.getTime(),
  }));
}
