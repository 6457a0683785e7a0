import { monthAfter, monthOfHour } from "../ledger/month-hours.ts";
import type { HourRange } from "./hour-range.ts";
import { columnOf, isParty, DAYS, MONTHS, type PartyTable, type UsageAxis } from "./usage-axes.ts";
import { filterText, type ResolvedFilter, type StatementValues } from "./usage-filter.ts";

/** What is asked of the tables. Text of statements is made of the constants below alone; whatever was asked for is a value. */
export interface SourceRequest {
  readonly tenant: string;
  readonly range: HourRange;
  readonly axes: readonly UsageAxis[];
  readonly filter: ResolvedFilter;
  /** The longest periods of UTC that suffice: hours where hours are asked for, or the days of another zone. */
  readonly periods: UsagePeriods;
}

export type UsagePeriods = "hours" | "days" | "months";

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
const A_DAY = 24n;
const ROLLED_UP = SUMS.join(", ");
/** The same sums of one entry (usage source 0: nothing was used; flag 1: no price was known). */
const OF_ENTRY = `calls_of_entry(type, flags)::bigint AS calls,
  CASE WHEN usage_source = 0 THEN calls_of_entry(type, flags) ELSE 0 END::bigint AS released, blocked_calls AS blocked,
  CASE WHEN usage_source <> 0 AND flags & 1 = 1 THEN calls_of_entry(type, flags) ELSE 0 END::bigint AS cost_unknown,
  input_tokens, output_tokens, amount_nano AS cost_nano`;

/**
 * `SELECT hour, <axes>, <sums>`, as often as the range has parts, from the shortest table that knows the axes: months or days of one party,
 * days or hours of what was run, or hours of everything; what sticks out at either end of the hours comes from the ledger, so every answer is exact.
 */
export function sourceText(request: SourceRequest, values: StatementValues): string {
  const { range, axes, filter, tenant } = request;
  const select = (table: string, hour: string, sums: string, where: string): string =>
    `SELECT ${[hour, ...axes.map(columnOf), sums].join(", ")} FROM ${table} WHERE tenant = ${tenantAt} AND ${where}${filters}`;
  const tenantAt = values.add(tenant);
  const filters = filterText(filter, values);
  const span = (column: string, [from, to]: Span): string =>
    `${column} >= ${values.add(from)} AND ${column} < ${values.add(to)}`;
  const parts: string[] = [];
  const { byMonth, byDay, byHour } = tablesFor(request);
  const months = byMonth === null ? without(range.hours) : inWhole(range.hours, monthOfHour, monthAfter);
  if (byMonth !== null && months.inside !== null)
    parts.push(select(byMonth, "month AS hour", ROLLED_UP, span("month", months.inside)));
  for (const outside of months.outside) {
    const days = byDay === null ? without(outside) : inWhole(outside, dayOfHour, (hour) => dayOfHour(hour) + A_DAY);
    if (byDay !== null && days.inside !== null) {
      const inDays = [days.inside[0] / A_DAY, days.inside[1] / A_DAY] as const;
      parts.push(select(byDay, "day * 24 AS hour", ROLLED_UP, span("day", inDays)));
    }
    for (const hours of days.outside) parts.push(select(byHour, "hour", ROLLED_UP, span("hour", hours)));
  }
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
  /** null = months, or days, do not know what is asked. */
  readonly byMonth: string | null;
  readonly byDay: string | null;
  readonly byHour: string;
}

const HOURS_OF_ALL: Tables = { byMonth: null, byDay: null, byHour: "usage_hourly" };

/** The shortest tables that know what the answer and the filter need. */
function tablesFor({ axes, filter, periods }: SourceRequest): Tables {
  const needed = new Set([...axes, ...filter.map(({ axis }) => axis)]);
  // Every table has it.
  needed.delete("environment");
  const parties = [...needed].filter(isParty);
  const [party] = parties;
  if (party === undefined) return workloadTables(periods);
  if (periods === "hours") return HOURS_OF_ALL;
  if (needed.size === 1 && isWithoutSession(filter))
    return { byMonth: null, byDay: "usage_of_sessions", byHour: "usage_hourly" };
  // Named sessions and users are faster found by their index of hours.
  const named = filter.find(({ axis }) => axis === party);
  if (named !== undefined && !named.orNone && party !== "customer") return HOURS_OF_ALL;
  const knowing = ({ axes: known }: PartyTable): boolean => [...needed].every((axis) => known.includes(axis));
  const byDay = DAYS.find(knowing)?.table ?? null;
  const ofMonths = periods === "months" && byDay !== "usage_by_customer" ? MONTHS.find(knowing) : undefined;
  return { byMonth: ofMonths?.table ?? null, byDay, byHour: "usage_hourly" };
}

/** Calls without a session have a row for each day among the lives of sessions. */
function isWithoutSession(filter: ResolvedFilter): boolean {
  return filter.some(({ axis, values, orNone }) => axis === "session" && orNone && values.length === 0);
}

function workloadTables(periods: UsagePeriods): Tables {
  return {
    byMonth: null,
    byDay: periods === "hours" ? null : "usage_by_workload_daily",
    byHour: "usage_by_workload",
  };
}

/** Half-open, hours. */
type Span = readonly [from: bigint, to: bigint];

interface SpanParts {
  /** The whole periods; null = there is none. */
  readonly inside: Span | null;
  readonly outside: readonly Span[];
}

function without(span: Span): SpanParts {
  return { inside: null, outside: span[0] < span[1] ? [span] : [] };
}

/** Cuts a span at the first and the last border of periods in it. */
function inWhole(span: Span, periodOf: (hour: bigint) => bigint, periodAfter: (hour: bigint) => bigint): SpanParts {
  const [from, to] = span;
  const first = periodOf(from) === from ? from : periodAfter(from);
  const end = periodOf(to);
  if (first >= end) return without(span);
  const ends: Span[] = [
    [from, first],
    [end, to],
  ];
  return { inside: [first, end], outside: ends.filter(([start, stop]) => start < stop) };
}

function dayOfHour(hour: bigint): bigint {
  return hour - (hour % A_DAY);
}
