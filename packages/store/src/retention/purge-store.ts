import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** The last month of an environment that was purged, or is being. */
export interface Purge {
  /** Half-open, microseconds since 1970. Months before it were purged before. */
  readonly fromUs: bigint;
  readonly beforeUs: bigint;
  /** 32 hex digits: of the entry that says so. */
  readonly entryId: string;
  /** Of the month, as it was counted when the purge began. */
  readonly entries: bigint;
  readonly payloads: bigint;
  /** Entries of earlier months behind this one came late, and are cleared with this month. */
  readonly afterSequence: bigint;
  /** Sequence of the entry that says so; null = it is not all cleared yet. */
  readonly clearedTo: bigint | null;
}

interface PurgeRow {
  readonly from_us: bigint;
  readonly before_us: bigint;
  readonly entry: string;
  readonly entries: bigint;
  readonly payloads: bigint;
  readonly after_sequence: bigint;
  readonly cleared_to: bigint | null;
}

/** An environment that does not keep details for ever, or in which a purge is not through. */
export interface PurgingPlace extends LimitPlace {
  readonly detailMonths: number | null;
}

interface PlaceRow {
  readonly tenant: string;
  readonly environment: string;
  readonly detail_months: number | null;
}

const HOUR_US = 3_600_000_000n;
const ROWS = 1000;
/** Looked through at a time for entries that came late. */
const SEQUENCES = 5000n;

/** As the installation. Of all tenants. */
export async function placesToPurge(db: Queryable): Promise<PurgingPlace[]> {
  const { rows } = await db.query<PlaceRow>(sql("retention-settings"));
  return rows.map(({ tenant, environment, detail_months: detailMonths }) => ({
    tenant: tenant.replaceAll("-", ""),
    environment,
    detailMonths,
  }));
}

export async function loadPurge(db: Queryable, { tenant, environment }: LimitPlace): Promise<Purge | null> {
  const [row] = (await db.query<PurgeRow>(sql("purge"), [tenant, environment])).rows;
  if (row === undefined) return null;
  return {
    fromUs: row.from_us,
    beforeUs: row.before_us,
    entryId: row.entry.replaceAll("-", ""),
    entries: row.entries,
    payloads: row.payloads,
    afterSequence: row.after_sequence,
    clearedTo: row.cleared_to,
  };
}

/**
 * Begins with the next month in which anything happened and that ends by `keptFromUs`, where the one before it is through. From here on
 * reports refuse what needs its details; they go when the entry that says so is in the chain (`clearPage`). Null = there is none.
 */
export async function beginPurge(
  db: Queryable,
  place: LimitPlace,
  keptFromUs: bigint,
  entryId: string,
): Promise<Purge | null> {
  const before = await loadPurge(db, place);
  const hours = [(before?.beforeUs ?? 0n) / HOUR_US, keptFromUs / HOUR_US];
  const values = [place.tenant, place.environment, ...hours];
  const [first] = (await db.query<{ hour: bigint | null }>(sql("first-hour-to-purge"), values)).rows;
  if (first === undefined || first.hour === null) return null;
  const [fromUs, beforeUs] = monthAround(first.hour * HOUR_US);
  await db.query(sql("begin-purge"), [place.tenant, place.environment, fromUs, beforeUs, entryId]);
  return loadPurge(db, place);
}

/** Where the search for what is left of a purge goes on: `lateAfter` by sequence first, then by time. */
export interface PurgePlace {
  readonly lateAfter: bigint;
  readonly timeUs: bigint;
}

/**
 * Clears the next entries, few enough for one short transaction, which waits for nobody and holds up nobody who appends. `upTo`: the
 * sequence of the entry that says so. Null = there is nothing left.
 */
export async function clearPage(
  db: Queryable,
  place: LimitPlace,
  purge: Purge,
  upTo: bigint,
  at: PurgePlace,
): Promise<PurgePlace | null> {
  const { tenant, environment } = place;
  const clear = (rows: readonly { readonly sequence: bigint }[]): Promise<unknown> =>
    db.query(sql("clear-details"), [tenant, environment, purge.beforeUs, rows.map(({ sequence }) => sequence)]);
  if (at.lateAfter < upTo) {
    const end = at.lateAfter + SEQUENCES < upTo ? at.lateAfter + SEQUENCES : upTo;
    const values = [tenant, environment, purge.fromUs, at.lateAfter, end];
    const { rows } = await db.query<{ sequence: bigint }>(sql("details-come-late"), values);
    if (rows.length > 0) await clear(rows);
    return { ...at, lateAfter: end };
  }
  const values = [tenant, environment, at.timeUs, purge.beforeUs, upTo, ROWS];
  const { rows } = await db.query<{ sequence: bigint; time_us: bigint }>(sql("details-of-month"), values);
  const last = rows.at(-1);
  if (last === undefined) return null;
  await clear(rows);
  return { ...at, timeUs: last.time_us };
}

export function placeToBegin({ afterSequence, fromUs }: Purge, upTo: bigint): PurgePlace {
  // Of the first purge there is no month before it.
  return { lateAfter: afterSequence === 0n ? upTo : afterSequence, timeUs: fromUs };
}

export async function endPurge(db: Queryable, place: LimitPlace, purge: Purge, upTo: bigint): Promise<void> {
  await db.query(sql("end-purge"), [place.tenant, place.environment, purge.entryId, upTo]);
}

/** What an imported chain says was purged, in one go, within the transaction that imports it: its details were made anew. */
export async function adoptPurge(
  db: Queryable,
  tenant: string,
  said: Pick<Purge, "beforeUs" | "entryId"> & { readonly environment: string; readonly sequence: bigint },
): Promise<void> {
  const { environment, beforeUs, entryId, sequence } = said;
  const [fromUs] = monthAround(beforeUs - 1n);
  await db.query(sql("adopt-purge"), [tenant, environment, fromUs, beforeUs, entryId, sequence]);
  const purge = { beforeUs, fromUs: 0n, entryId, entries: 0n, payloads: 0n, afterSequence: 0n, clearedTo: null };
  const place = { tenant, environment };
  let at: PurgePlace | null = placeToBegin(purge, sequence);
  while (at !== null) at = await clearPage(db, place, purge, sequence, at);
}

/** Half-open, UTC. */
function monthAround(us: bigint): readonly [bigint, bigint] {
  const at = new Date(Number(us / 1000n));
  const start = (ahead: number): bigint => BigInt(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead, 1)) * 1000n;
  return [start(0), start(1)];
}
