import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** For how long an environment keeps details of calls. */
export interface RetentionSetting {
  /** Whole months behind the running one; null = for ever. */
  readonly detailMonths: number | null;
  /** 0 = never set. */
  readonly version: number;
}

interface SettingRow {
  readonly detail_months: number | null;
  readonly version: number;
}

export async function loadRetention(db: Queryable, { tenant, environment }: LimitPlace): Promise<RetentionSetting> {
  const [row] = (await db.query<SettingRow>(sql("retention-setting"), [tenant, environment])).rows;
  return { detailMonths: row?.detail_months ?? null, version: row?.version ?? 0 };
}

/** False: another version is stored than the one before. */
export async function putRetention(
  db: Queryable,
  { tenant, environment }: LimitPlace,
  { detailMonths, version }: RetentionSetting,
): Promise<boolean> {
  const { rows } = await db.query(sql("put-retention-setting"), [tenant, environment, detailMonths, version]);
  return rows.length > 0;
}

/** Start of the first month, UTC, that such a setting keeps at `nowMs`. */
export function keptFromMs(detailMonths: number, nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - detailMonths, 1);
}
