import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "./limit-store.ts";

export interface SessionUse {
  readonly session: string;
  /** Let through. */
  readonly calls: number;
  readonly blocked: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNano: bigint;
  /** Start of the newest hour it was seen in. */
  readonly lastHourMs: number;
}

export interface SessionPageAsked {
  /** Seen at or after the hour of this; what they did is summed from there on. */
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly limit: number;
  /** `nextCursor` of the page before; null = the newest. */
  readonly cursor: string | null;
}

export interface SessionPage {
  readonly sessions: readonly SessionUse[];
  readonly nextCursor: string | null;
}

type UseRow = { readonly session: string } & {
  readonly [C in "calls" | "blocked" | "input_tokens" | "output_tokens" | "cost_nano" | "last_hour"]: bigint;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Behind which session a page begins: the hour that it was seen in last, and its name. */
interface Place {
  readonly hour: number;
  readonly session: string;
}

const CURSOR = /^(\d{1,9})-(.{1,256})$/su;

/**
 * Sessions by the newest hour they were seen in, newest first. One that is used while its list is paged is on a page before.
 * Throws RangeError naming the field: `cursor`.
 */
export async function sessionPage(
  db: Queryable,
  { tenant, environment }: LimitPlace,
  { sinceMs, nowMs, limit, cursor }: SessionPageAsked,
): Promise<SessionPage> {
  // Another process may have a clock before ours; a cursor of somebody's own making must not have the walk begin in a million years.
  const end: Place = { hour: hourOf(nowMs + DAY_MS), session: "" };
  const place = cursor === null ? end : placeOf(cursor);
  const { hour, session } = place.hour > end.hour ? end : place;
  const values = [tenant, environment, hourOf(sinceMs), hour, session, limit + 1];
  const { rows } = await db.query<UseRow>(sql("sessions"), values);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    sessions: page.map(useOf),
    nextCursor: rows.length > limit && last !== undefined ? `${last.last_hour}-${last.session}` : null,
  };
}

/** How many sessions were seen at or after the hour of `sinceMs`. */
export async function countSessions(
  db: Queryable,
  { tenant, environment }: LimitPlace,
  sinceMs: number,
): Promise<number> {
  const { rows } = await db.query<{ sessions: bigint }>(sql("count-sessions"), [tenant, environment, hourOf(sinceMs)]);
  return Number(rows[0]?.sessions ?? 0);
}

function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

function placeOf(cursor: string): Place {
  const [, hour, session] = CURSOR.exec(cursor) ?? [];
  if (hour === undefined || session === undefined)
    throw new RangeError("cursor: expected the next_cursor of an earlier answer");
  return { hour: Number(hour), session };
}

function useOf(row: UseRow): SessionUse {
  return {
    session: row.session,
    calls: Number(row.calls),
    blocked: Number(row.blocked),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    costNano: BigInt(row.cost_nano),
    lastHourMs: Number(row.last_hour) * HOUR_MS,
  };
}
