import type { LimitMode, Measure, WindowKind } from "@tollhouse/contract";
import type { Limit } from "@tollhouse/engine";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** Whose limits: a tenant (32 hex digits) and one of its environments. */
export interface LimitPlace {
  readonly tenant: string;
  readonly environment: string;
}

export interface NewLimit {
  /** `lim_…`, made by the caller. */
  readonly id: string;
  readonly scope: string;
  readonly measure: Measure;
  readonly amount: bigint;
  readonly window: WindowKind;
  readonly timeZone: string;
  readonly mode: LimitMode;
}

export interface LimitChange {
  readonly amount?: bigint | undefined;
  readonly mode?: LimitMode | undefined;
  /** The version that was read: another one now, and nothing is changed. Absent = whatever it is. */
  readonly version?: number | undefined;
}

export interface LimitVersion {
  readonly version: number;
  /** Null: this version deleted the limit. */
  readonly amount: bigint | null;
  readonly mode: LimitMode | null;
  readonly changedAt: Date;
}

/** The limit is not there (`NOT_FOUND`), or was changed by somebody else since it was read (`VERSION_CONFLICT`). */
export class LimitNotChanged extends Error {
  override readonly name = "LimitNotChanged";
  readonly code: "NOT_FOUND" | "VERSION_CONFLICT";
  constructor(code: "NOT_FOUND" | "VERSION_CONFLICT", message: string) {
    super(message);
    this.code = code;
  }
}

interface LimitRow {
  readonly id: string;
  readonly scope: string;
  readonly measure: Measure;
  readonly amount: bigint;
  readonly window_kind: WindowKind;
  readonly time_zone: string;
  readonly mode: LimitMode;
  readonly version: number;
}

const PAGE = 5000;

export async function insertLimit(db: Queryable, place: LimitPlace, limit: NewLimit): Promise<Limit> {
  const { id, scope, measure, amount, window, timeZone, mode } = limit;
  const values = [place.tenant, place.environment, id, scope, measure, amount, window, timeZone, mode];
  const [row] = (await db.query<LimitRow>(sql("insert-limit"), values)).rows;
  if (!row) throw new Error(`limit ${id} was not inserted`);
  return limitOf(row);
}

export async function readLimit(db: Queryable, place: LimitPlace, id: string): Promise<Limit | null> {
  const [row] = (await db.query<LimitRow>(sql("limit"), [place.tenant, place.environment, id])).rows;
  return row ? limitOf(row) : null;
}

/** The next version of a limit; the one before stays in the history. Throws LimitNotChanged. */
export async function updateLimit(db: Queryable, place: LimitPlace, id: string, change: LimitChange): Promise<Limit> {
  const { version, amount, mode } = change;
  const values = [place.tenant, place.environment, id, version ?? null, amount ?? null, mode ?? null];
  const [row] = (await db.query<LimitRow>(sql("update-limit"), values)).rows;
  return row ? limitOf(row) : notChanged(db, place, id);
}

/** Returns the limit as it was. Throws LimitNotChanged. */
export async function deleteLimit(db: Queryable, place: LimitPlace, id: string, version?: number): Promise<Limit> {
  const values = [place.tenant, place.environment, id, version ?? null];
  const [row] = (await db.query<LimitRow>(sql("delete-limit"), values)).rows;
  return row ? limitOf(row) : notChanged(db, place, id);
}

/** Every limit in force, by id. Pages by keyset, so a million of them never stand in memory twice. */
export async function* listLimits(db: Queryable, place: LimitPlace): AsyncGenerator<Limit, void> {
  for (let after = ""; ;) {
    const { rows } = await db.query<LimitRow>(sql("limits"), [place.tenant, place.environment, after, PAGE]);
    yield* rows.map(limitOf);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.id;
  }
}

/** What the limit was, version by version; also of one that was deleted. */
export async function limitHistory(db: Queryable, place: LimitPlace, id: string): Promise<LimitVersion[]> {
  const { rows } = await db.query<{
    version: number;
    amount: bigint | null;
    mode: LimitMode | null;
    changed_at: Date;
  }>(sql("limit-versions"), [place.tenant, place.environment, id]);
  return rows.map(({ version, amount, mode, changed_at }) => ({ version, amount, mode, changedAt: changed_at }));
}

async function notChanged(db: Queryable, place: LimitPlace, id: string): Promise<never> {
  const now = await readLimit(db, place, id);
  if (!now) throw new LimitNotChanged("NOT_FOUND", `there is no limit ${id}`);
  throw new LimitNotChanged("VERSION_CONFLICT", `limit ${id} is at version ${now.version} by now`);
}

function limitOf(row: LimitRow): Limit {
  const { id, scope, measure, amount, mode, version } = row;
  return {
    id,
    scope,
    measure,
    amount,
    window: row.window_kind,
    timeZone: row.time_zone,
    mode,
    version,
    derived: false,
  };
}
