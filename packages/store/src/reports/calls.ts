import { ENTRY_FLAGS, ENTRY_TYPES } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import { CALL_COLUMNS, callAnswer, type CallAnswer, type CallOutcome, type CallRow } from "./call-answer.ts";
import { hoursWith, HOUR_US } from "./calls-hours.ts";
import { DetailsPurged, instantOf, PurgedDetails } from "../retention/details-purged.ts";
import { filterText, resolveFilter, StatementValues, type ResolvedFilter, type UsageFilter } from "./usage-filter.ts";

export interface CallsFilter {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly filter?: UsageFilter;
  /** Half-open `[fromMs, toMs)`, by the time a call was decided. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly outcome?: CallOutcome | undefined;
  readonly reasons?: readonly string[] | undefined;
  /** Nano-dollars; calls whose cost is not known are left out. */
  readonly costMin?: bigint | undefined;
}

export interface CallsRequest extends CallsFilter {
  /** Rows at most, 1 to 1000. */
  readonly limit: number;
  /** `next_cursor` of the page before; null = the newest calls. */
  readonly cursor: string | null;
}

export interface CallsPage {
  /** Fewer than the limit, or none, where many entries were looked at in vain: while there is a cursor, there may be more. */
  readonly calls: readonly CallAnswer[];
  readonly next_cursor: string | null;
  /** There where the range asked for reaches further back: of an environment that was asked for, calls before are in no list any more. */
  readonly purged_before?: string;
}

/** A call with the stored bytes of its entry: the receipt. */
export interface CallWithEntry {
  readonly call: CallAnswer;
  readonly body: Uint8Array;
  readonly mac: Uint8Array;
}

/** Of what is said anew the usage source tells which (0: nothing was used). */
const OF_OUTCOME: { readonly [O in CallOutcome]: string } = {
  settled: "calls_of_entry(type, flags) = 1 AND usage_source <> 0",
  released: "calls_of_entry(type, flags) = 1 AND usage_source = 0",
  blocked: `type = ${ENTRY_TYPES.call_blocked}`,
};
const OF_ANY = Object.values(OF_OUTCOME).map((text) => `(${text})`);
/** Not what was taken back since: only what somebody ended in place of those who knew can be, and a check that was let go. */
const STILL_SAID = `NOT ((type = ${ENTRY_TYPES.call_released} OR flags & ${ENTRY_FLAGS.swept} <> 0) AND EXISTS (
    SELECT FROM ledger_entries AS back WHERE back.tenant = looked_at.tenant AND back.entry_id = taken_back_id(looked_at.entry_id)))`;
const CALLS_MAX = 1000;
/** Entries that one page reads at most: what nothing, or hardly anything, matches must not read the whole ledger. */
export const LOOKED_AT_MAX = 50_000;

/** Behind which entry a page begins: time, and among equal times the sequence. */
interface EntryPlace {
  readonly timeUs: bigint;
  readonly sequence: bigint;
}

/**
 * A page of calls, newest first by the time they were decided. A call that ends while its list is paged can be behind the cursor already.
 * Throws RangeError naming the field: `limit`, `cursor`; DetailsPurged where nothing of the range has details any more.
 */
export async function listCalls(db: Queryable, keys: LedgerKeys, request: CallsRequest): Promise<CallsPage> {
  const { tenant, limit } = request;
  if (!Number.isInteger(limit) || limit < 1 || limit > CALLS_MAX)
    throw new RangeError(`limit: expected a whole number from 1 to ${CALLS_MAX}, got ${limit}`);
  const before = placeOf(request.cursor);
  const purged = await PurgedDetails.of(db, tenant, request.filter?.environment);
  const said = purgedBefore(purged, request);
  const filter = await resolveFilter(db, keys, tenant, request.filter ?? {});
  const span = await spanOf(db, request, filter, before, purged);
  if (span === null) return { calls: [], next_cursor: null, ...said };
  const asked: AskedPage = { request, filter, span, before, purged, direct: isIndexed(filter) };
  const values = new StatementValues();
  const { rows } = await db.query<CallRow>(pageText(asked, values), values.list);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const calls = page.map(callAnswer);
  if (rows.length > limit && last) return { calls, next_cursor: cursorOf(last), ...said };
  return { calls, next_cursor: asked.direct ? null : await lastLookedAt(db, asked), ...said };
}

/** What an answer says of calls that it would have had. */
function purgedBefore(
  { earliestUs, latestUs }: PurgedDetails,
  { fromMs = 0, toMs = Infinity }: CallsFilter,
): Pick<CallsPage, "purged_before"> {
  if (earliestUs !== null && microseconds(toMs) <= earliestUs) throw new DetailsPurged("to", earliestUs);
  return latestUs === null || BigInt(fromMs) * 1000n >= latestUs ? {} : { purged_before: instantOf(latestUs) };
}

/**
 * Every call, some at a time: pages of an append-only table, so a slow reader holds nothing. Throws DetailsPurged where it would not be every
 * call that was asked for: a file has no place to say so.
 */
export async function* allCalls(
  db: Queryable,
  keys: LedgerKeys,
  request: CallsFilter,
): AsyncGenerator<readonly CallAnswer[], void> {
  let cursor: string | null = null;
  const { latestUs } = await PurgedDetails.of(db, request.tenant, request.filter?.environment);
  if (latestUs !== null && BigInt(request.fromMs ?? 0) * 1000n < latestUs) throw new DetailsPurged("from", latestUs);
  do {
    const page: CallsPage = await listCalls(db, keys, { ...request, limit: CALLS_MAX, cursor });
    if (page.calls.length > 0) yield page.calls;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

/** As `findCall`. Throws DetailsPurged where only the bytes of its entry are left. */
export async function callByDecision(db: Queryable, tenant: string, decision: string): Promise<CallWithEntry | null> {
  const found = await findCall(db, tenant, decision);
  if (found === null) return null;
  const purged = await PurgedDetails.of(db, tenant);
  const { environment, time } = found.call;
  const beforeUs = purged.purgedUs(environment, BigInt(Date.parse(time)) * 1000n);
  if (beforeUs !== null) throw new DetailsPurged(null, beforeUs);
  return found;
}

/**
 * `decision`: 32 hex digits, with or without `dec_`. Null = the ledger has no such call (yet). Of one whose details were purged the call lacks
 * them; the entry is what it was.
 */
export async function findCall(db: Queryable, tenant: string, decision: string): Promise<CallWithEntry | null> {
  const id = decision.replace(/^dec_/, "");
  if (!/^[0-9a-f]{32}$/.test(id)) return null;
  const [row] = (await db.query<CallRow>(sql("call-by-decision"), [tenant, id])).rows;
  return row ? { call: callAnswer(row), body: row.body, mac: row.mac } : null;
}

interface AskedPage {
  readonly request: CallsRequest;
  readonly filter: ResolvedFilter;
  /** Half-open, microseconds. */
  readonly span: readonly [from: bigint, to: bigint];
  readonly before: EntryPlace | null;
  readonly purged: PurgedDetails;
  /** Found by an index of its own, so that every entry read is an answer. */
  readonly direct: boolean;
}

function pageText({ request, filter, span, before, purged, direct }: AskedPage, values: StatementValues): string {
  const entries = entriesText(request.tenant, span, before, values);
  const looked = direct ? "" : ` ${NEWEST_FIRST} LIMIT ${LOOKED_AT_MAX}`;
  const where = [
    request.outcome === undefined ? `(${OF_ANY.join(" OR ")})` : OF_OUTCOME[request.outcome],
    STILL_SAID,
    ...havingDetails(purged, span, values),
    ...(request.reasons === undefined ? [] : [`reason = ANY (${values.add(request.reasons)}::text[])`]),
    ...(request.costMin === undefined ? [] : [`amount_nano >= ${values.add(request.costMin)} AND flags & 1 = 0`]),
  ];
  return `SELECT ${CALL_COLUMNS}
FROM (
  SELECT * FROM (SELECT * ${entries}${looked}) AS looked_at
  WHERE ${where.join(" AND ")}${filterText(filter, values)}
  ${NEWEST_FIRST} LIMIT ${values.add(request.limit + 1)}
) AS e
LEFT JOIN users AS u ON u.tenant = e.tenant AND u.pseudonym = e.user_pseudonym
ORDER BY e.time_us DESC, e.sequence DESC`;
}

/** Of an environment whose details end inside the span. */
function havingDetails(
  { environments }: PurgedDetails,
  [from]: readonly [bigint, bigint],
  values: StatementValues,
): string[] {
  return environments.flatMap(({ environment, beforeUs }) =>
    beforeUs === null || beforeUs <= from
      ? []
      : [`NOT (environment = ${values.add(environment)} AND time_us < ${values.add(beforeUs)})`],
  );
}

const NEWEST_FIRST = "ORDER BY time_us DESC, sequence DESC";

function entriesText(
  tenant: string,
  [from, to]: readonly [bigint, bigint],
  before: EntryPlace | null,
  values: StatementValues,
): string {
  const behind =
    before === null
      ? ""
      : ` AND time_us <= ${values.add(before.timeUs)} AND (time_us, sequence) < (${values.add(before.timeUs)}, ${values.add(before.sequence)})`;
  return `FROM ledger_entries WHERE tenant = ${values.add(tenant)} AND time_us >= ${values.add(from)} AND time_us < ${values.add(to)}${behind}`;
}

/** Where a page stopped looking; null where it came to the end. */
async function lastLookedAt(db: Queryable, { request, span, before }: AskedPage): Promise<string | null> {
  const values = new StatementValues();
  const entries = entriesText(request.tenant, span, before, values);
  const text = `SELECT time_us, sequence ${entries} ${NEWEST_FIRST} OFFSET ${LOOKED_AT_MAX - 1} LIMIT 1`;
  const [last] = (await db.query<Pick<CallRow, "time_us" | "sequence">>(text, values.list)).rows;
  return last ? cursorOf(last) : null;
}

/** Sessions and users have an index of their own. */
function isIndexed(filter: ResolvedFilter): boolean {
  return filter.some(({ axis, orNone }) => (axis === "session" || axis === "user") && !orNone);
}

/** From the range asked for, what the roll-ups know to have such calls; null = none at all. */
async function spanOf(
  db: Queryable,
  { tenant, fromMs = 0, toMs = Infinity }: CallsRequest,
  filter: ResolvedFilter,
  before: EntryPlace | null,
  { earliestUs }: PurgedDetails,
): Promise<readonly [bigint, bigint] | null> {
  const from = larger(BigInt(fromMs) * 1000n, earliestUs ?? 0n);
  const to = before?.timeUs === undefined ? microseconds(toMs) : smaller(before.timeUs + 1n, microseconds(toMs));
  if (isIndexed(filter)) return [from, to];
  const hours = await hoursWith(db, tenant, filter, [from / HOUR_US, to / HOUR_US + 1n]);
  if (hours === null) return null;
  return [larger(from, hours[0] * HOUR_US), smaller(to, hours[1] * HOUR_US)];
}

function microseconds(ms: number): bigint {
  return ms === Infinity ? 1n << 62n : BigInt(ms) * 1000n;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function cursorOf({ time_us, sequence }: Pick<CallRow, "time_us" | "sequence">): string {
  return `${time_us}-${sequence}`;
}

function placeOf(cursor: string | null): EntryPlace | null {
  if (cursor === null) return null;
  const [, timeUs, sequence] = /^(\d{1,18})-([1-9]\d{0,17})$/.exec(cursor) ?? [];
  if (timeUs === undefined || sequence === undefined)
    throw new RangeError("cursor: expected the next_cursor of an earlier answer");
  return { timeUs: BigInt(timeUs), sequence: BigInt(sequence) };
}
