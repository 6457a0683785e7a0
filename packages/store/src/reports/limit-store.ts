import type { LimitMode, Measure, ScopeKind, WindowKind } from "@tollhouse/contract";
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

/** Limits that have in common all but id, scope and amount: each a text with a line a limit. */
interface LimitsOfKind extends Pick<LimitRow, "measure" | "window_kind" | "time_zone" | "mode" | "version"> {
  /** Of the page. */
  readonly last: string;
  readonly ids: string;
  readonly scopes: string;
  readonly amounts: string;
  /** A limit whose scope is more than one line; null = there is none. */
  readonly unreadable: string | null;
}

/** Of some 60 bytes each. */
const PAGE = 10_000;

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

/** Those of them that are there. */
export async function readLimits(db: Queryable, place: LimitPlace, ids: readonly string[]): Promise<Limit[]> {
  return (await db.query<LimitRow>(sql("limits-by-id"), [place.tenant, place.environment, ids])).rows.map(limitOf);
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

/**
 * Every limit in force, in pages; within one by id for each kind. Throws RangeError, naming the limit, where a scope has a line break
 * in it; whether it is a scope is for the snapshot to say.
 */
export async function* listLimits(db: Queryable, place: LimitPlace): AsyncGenerator<readonly Limit[], void> {
  const read = async (after: string): Promise<readonly LimitsOfKind[]> =>
    (await db.query<LimitsOfKind>(sql("limits"), [place.tenant, place.environment, after, PAGE])).rows;
  let next = read("");
  for (;;) {
    const kinds = await next;
    const page = kinds.flatMap(limitsOfKind);
    const last = page.length < PAGE ? undefined : kinds[0]?.last;
    if (last !== undefined) {
      // The database works on it while this page is compiled. Heard when it is its turn.
      next = read(last);
      next.catch(() => undefined);
    }
    if (page.length > 0) yield page;
    if (last === undefined) return;
  }
}

/** Which limits are asked for; null = any. */
export interface LimitFilter {
  readonly measure: Measure | null;
  readonly kind: ScopeKind | null;
}

/** Ids of a page of limits, ascending, after `after`. */
export async function limitIds(
  db: Queryable,
  place: LimitPlace,
  { after, limit, measure, kind }: LimitFilter & { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const values = [place.tenant, place.environment, after, limit, measure];
  const [text, asked] = kind === null ? [sql("limit-ids"), values] : [sql("limit-ids-of-kind"), [...values, kind]];
  return (await db.query<{ id: string }>(text, asked)).rows.map((row) => row.id);
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

function limitsOfKind(kind: LimitsOfKind): Limit[] {
  if (kind.unreadable !== null) throw new RangeError(`${kind.unreadable}.scope: expected a scope, got several lines`);
  const { measure, window_kind: window, time_zone: timeZone, mode, version } = kind;
  const scopes = kind.scopes.split("\n");
  const amounts = kind.amounts.split("\n");
  return kind.ids.split("\n").map((id, at) => ({
    id,
    scope: scopes[at] as string,
    measure,
    amount: BigInt(amounts[at] as string),
    window,
    timeZone,
    mode,
    version,
    derived: false,
  }));
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
