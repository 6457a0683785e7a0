import { windowAt } from "@tollhouse/engine";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { HourRange } from "./hour-range.ts";

/** Days or months of a zone that a range can touch: the hour each begins at, ascending, and what it is called. */
export interface UsageDays {
  readonly starts: readonly bigint[];
  readonly names: ReadonlyMap<bigint, string>;
}

const HOUR_MS = 3_600_000;
const HOUR_US = 3_600_000_000n;
const HOURS_A_DAY = 24n;

/**
 * The windows of limits, so that a day of a report is the day of a budget. The roll-ups count whole UTC hours: a zone whose days begin
 * elsewhere cannot be answered exactly. Throws RangeError naming `time_zone` for such a one.
 */
export async function usageDays(
  db: Queryable,
  tenant: string,
  kind: "day" | "month",
  timeZone: string,
  range: HourRange,
): Promise<UsageDays> {
  const { rows } = await db.query<{ first: bigint | null; last: bigint | null }>(sql("usage-hours"), [tenant]);
  const { first = null, last = null } = rows[0] ?? {};
  const names = new Map<bigint, string>();
  if (first === null || last === null) return { starts: [], names };
  // A day more at either end: calls may be recorded between this question and the report's.
  const from = larger(first - HOURS_A_DAY, smallest(range));
  const to = smaller(last + HOURS_A_DAY, largest(range));
  const nameOf = dateNames(kind, timeZone);
  for (let ms = Number(from) * HOUR_MS; ms <= Number(to) * HOUR_MS;) {
    const { startMs, endMs } = windowAt(kind, timeZone, ms);
    if (startMs % HOUR_MS !== 0 || endMs % HOUR_MS !== 0)
      throw new RangeError(
        `time_zone: expected a zone whose days begin on a whole UTC hour, because usage is summed by the hour; those of ${timeZone} do not`,
      );
    names.set(BigInt(startMs / HOUR_MS), nameOf(startMs));
    ms = endMs;
  }
  return { starts: [...names.keys()], names };
}

/** The first and the last hour of a range, whichever part of it they are in. */
function smallest({ hours, before }: HourRange): bigint {
  return before[0] < before[1] ? before[0] / HOUR_US : hours[0];
}

function largest({ hours, before, after }: HourRange): bigint {
  if (after[0] < after[1]) return after[1] / HOUR_US;
  return hours[0] < hours[1] ? hours[1] : before[1] / HOUR_US;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** `2026-11-21`, or `2026-11`: the zone's own date. */
function dateNames(kind: "day" | "month", timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  return (ms) => format.format(ms).slice(0, kind === "day" ? 10 : 7);
}
