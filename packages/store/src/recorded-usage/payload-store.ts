import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** Does an environment keep texts of requests and answers, and for how long? */
export interface PayloadSetting {
  readonly environment: string;
  readonly enabled: boolean;
  readonly retentionDays: number;
  readonly version: number;
}

export interface StoredPayload {
  readonly sealed: Buffer;
  readonly storedMs: number;
  readonly expiresMs: number;
}

interface SettingRow {
  readonly environment: string;
  readonly enabled: boolean;
  readonly retention_days: number;
  readonly version: number;
}

/** Environments that never set it are left out. */
export async function listPayloadSettings(db: Queryable, tenant: string): Promise<PayloadSetting[]> {
  const { rows } = await db.query<SettingRow>(sql("payload-settings"), [tenant]);
  return rows.map(({ retention_days: retentionDays, ...rest }) => ({ ...rest, retentionDays }));
}

/** False: another version is stored than the one before. */
export async function putPayloadSetting(db: Queryable, tenant: string, setting: PayloadSetting): Promise<boolean> {
  const { environment, enabled, retentionDays, version } = setting;
  const { rows } = await db.query(sql("put-payload-setting"), [tenant, environment, enabled, retentionDays, version]);
  return rows.length > 0;
}

/** Null where there is none, or its time is over. */
export async function findPayload(
  db: Queryable,
  place: LimitPlace,
  decision: string,
  nowMs: number,
): Promise<StoredPayload | null> {
  const values = [place.tenant, place.environment, decision, new Date(nowMs)];
  const [row] = (await db.query<{ sealed: Buffer; stored_at: Date; expires_at: Date }>(sql("payload"), values)).rows;
  return row ? { sealed: row.sealed, storedMs: row.stored_at.getTime(), expiresMs: row.expires_at.getTime() } : null;
}

/** Of all tenants: those whose time is over. */
export async function forgetPayloads(db: Queryable, nowMs: number): Promise<void> {
  await db.query(sql("forget-payloads"), [new Date(nowMs)]);
}
