import type { HourRange } from "./hour-range.ts";
import { columnOf, isParty, PARTIES, type UsageAxis } from "./usage-axes.ts";
import { filterText, type ResolvedFilter, type StatementValues } from "./usage-filter.ts";

/** What is asked of the tables. Text of statements is made of the constants below alone; whatever was asked for is a value. */
export interface SourceRequest {
  readonly tenant: string;
  readonly range: HourRange;
  readonly axes: readonly UsageAxis[];
  readonly filter: ResolvedFilter;
  /** Do whole UTC days suffice (no hours asked for, no days of another zone)? */
  readonly wholeDays: boolean;
}

export const SUMS = [
  "calls",
  "released",
  "blocked",
  "cost_unknown",
  "input_tokens",
  "output_tokens",
  "cost_nano",
] as const;
export type SumName = (typeof SUMS)[number];

const HOUR_US = 3_600_000_000n;
const HOURS_A_DAY = 24n;
const ROLLED_UP = SUMS.join(", ");
/** The same sums of one entry (types: 2 settled, 4 released, 5 recorded; flag 1: no price was known). */
const OF_ENTRY = `(type IN (2, 4, 5))::int::bigint AS calls, (type = 4)::int::bigint AS released, blocked_calls AS blocked,
  (type IN (2, 5) AND flags & 1 = 1)::int::bigint AS cost_unknown, input_tokens, output_tokens, amount_nano AS cost_nano`;

/**
 * `SELECT hour, <axes>, <sums>`, as often as the range has parts, from the shortest table that knows the axes: days of one party, hours of
 * what was run, or hours of everything; what sticks out at either end of the hours comes from the ledger, so every answer is exact.
 */
export function sourceText(request: SourceRequest, values: StatementValues): string {
  const { range, axes, filter, tenant } = request;
  const select = (table: string, hour: string, sums: string, where: string): string =>
    `SELECT ${[hour, ...axes.map(columnOf), sums].join(", ")} FROM ${table} WHERE tenant = ${tenantAt} AND ${where}${filters}`;
  const tenantAt = values.add(tenant);
  const filters = filterText(filter, values);
  const span = (column: string, [from, to]: readonly [bigint, bigint]): string =>
    `${column} >= ${values.add(from)} AND ${column} < ${values.add(to)}`;
  const parts: string[] = [];
  const hours = (table: string, part: readonly [bigint, bigint]): void => {
    if (part[0] < part[1]) parts.push(select(table, "hour", ROLLED_UP, span("hour", part)));
  };
  const { byDay, byHour } = tablesFor(request);
  const { days, before, after } = byDay === null ? noDays(range.hours) : wholeDays(range.hours);
  if (days[0] < days[1]) parts.push(select(byDay as string, "day * 24 AS hour", ROLLED_UP, span("day", days)));
  hours(byHour, before);
  hours(byHour, after);
  for (const end of [range.before, range.after])
    if (end[0] < end[1])
      parts.push(
        select(
          "ledger_entries",
          `time_us / ${HOUR_US} AS hour`,
          OF_ENTRY,
          `type NOT IN (1, 7, 8, 9) AND ${span("time_us", end)}`,
        ),
      );
  // An empty range still has the columns.
  if (parts.length === 0) parts.push(select("usage_hourly", "hour", ROLLED_UP, "false"));
  return parts.join("\nUNION ALL\n");
}

interface Tables {
  /** null = days do not know what is asked. */
  readonly byDay: string | null;
  readonly byHour: string;
}

const HOURS_OF_ALL: Tables = { byDay: null, byHour: "usage_hourly" };

/** The shortest tables that know what the answer and the filter need. */
function tablesFor({ axes, filter, wholeDays: days }: SourceRequest): Tables {
  const needed = new Set([...axes, ...filter.map(({ axis }) => axis)]);
  // Every table has it.
  needed.delete("environment");
  const parties = [...needed].filter(isParty);
  const [party] = parties;
  if (party === undefined) return { byDay: days ? "usage_by_workload_daily" : null, byHour: "usage_by_workload" };
  if (needed.size > 1 || !days) return HOURS_OF_ALL;
  // Named sessions and users are faster found by their index of hours.
  const named = filter.find(({ axis }) => axis === party);
  if (named !== undefined && !named.orNone && party !== "customer") return HOURS_OF_ALL;
  return { byDay: PARTIES[party], byHour: "usage_hourly" };
}

interface DayRange {
  readonly days: readonly [bigint, bigint];
  readonly before: readonly [bigint, bigint];
  readonly after: readonly [bigint, bigint];
}

function noDays(hours: readonly [bigint, bigint]): DayRange {
  return { days: [0n, 0n], before: hours, after: [0n, 0n] };
}

function wholeDays([from, to]: readonly [bigint, bigint]): DayRange {
  const first = (from + HOURS_A_DAY - 1n) / HOURS_A_DAY;
  const end = to / HOURS_A_DAY;
  if (first >= end) return noDays([from, to]);
  return { days: [first, end], before: [from, first * HOURS_A_DAY], after: [end * HOURS_A_DAY, to] };
}
