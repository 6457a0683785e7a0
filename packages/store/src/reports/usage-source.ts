import type { HourRange } from "./hour-range.ts";
import { columnOf, isParty, DAYS, MONTHS, type PartyTable, type UsageAxis } from "./usage-axes.ts";
import { filterText, type ResolvedFilter, type StatementValues } from "./usage-filter.ts";
import { PERIODS, usageParts, type Period, type Span } from "./usage-parts.ts";

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
const ROLLED_UP = SUMS.join(", ");
const TAKEN_AWAY = SUMS.map((name) => `-${name} AS ${name}`).join(", ");
/** Has a group anything in it? */
export const SOMETHING = SUMS.map((name) => `sum_whole(${name}) <> 0`).join(" OR ");
/** Each roll-up has a column of its period: hours since 1970, or days. */
const COLUMNS: { readonly [P in Period]: { readonly hour: string; readonly unit: bigint } } = {
  month: { hour: "month AS hour", unit: 1n },
  day: { hour: "day * 24 AS hour", unit: 24n },
  hour: { hour: "hour", unit: 1n },
};
/** The same sums of one entry (usage source 0: nothing was used; flag 1: no price was known). */
const OF_ENTRY = `calls_of_entry(type, flags)::bigint AS calls,
  CASE WHEN usage_source = 0 THEN calls_of_entry(type, flags) ELSE 0 END::bigint AS released, blocked_calls AS blocked,
  CASE WHEN usage_source <> 0 AND flags & 1 = 1 THEN calls_of_entry(type, flags) ELSE 0 END::bigint AS cost_unknown,
  input_tokens, output_tokens, amount_nano AS cost_nano`;

/**
 * `SELECT hour, <axes>, <sums>`, as often as the range has parts, from the shortest tables that know the axes: months or days of one party,
 * days or hours of what was run, or hours of everything; what sticks out at either end of the hours comes from the ledger, so every answer is
 * exact. Sums that are taken away are negative: a group may be left with nothing (`SOMETHING`).
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
  const tables = tablesFor(request);
  for (const { period, span: hours, isLess } of usageParts(
    range.hours,
    PERIODS.filter((one) => tables[one] !== null),
  )) {
    const { hour, unit } = COLUMNS[period];
    const units = [hours[0] / unit, hours[1] / unit] as const;
    parts.push(select(String(tables[period]), hour, isLess ? TAKEN_AWAY : ROLLED_UP, span(period, units)));
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

/** null = none of that period knows what is asked. */
type Tables = { readonly [P in Period]: string | null };

const HOURS_OF_ALL: Tables = { month: null, day: null, hour: "usage_hourly" };

/** The shortest tables that know what the answer and the filter need. */
function tablesFor({ axes, filter, periods }: SourceRequest): Tables {
  const needed = new Set([...axes, ...filter.map(({ axis }) => axis)]);
  // Every table has it.
  needed.delete("environment");
  const parties = [...needed].filter(isParty);
  const [party] = parties;
  if (party === undefined) return workloadTables(periods);
  if (periods === "hours") return HOURS_OF_ALL;
  if (needed.size === 1 && isWithoutSession(filter)) return { ...HOURS_OF_ALL, day: "usage_of_sessions" };
  // Named sessions and users are faster found by their index of hours.
  const named = filter.find(({ axis }) => axis === party);
  if (named !== undefined && !named.orNone && party !== "customer") return HOURS_OF_ALL;
  const knowing = ({ axes: known }: PartyTable): boolean => [...needed].every((axis) => known.includes(axis));
  const byDay = DAYS.find(knowing)?.table ?? null;
  const ofMonths = periods === "months" && byDay !== "usage_by_customer" ? MONTHS.find(knowing) : undefined;
  return { ...HOURS_OF_ALL, month: ofMonths?.table ?? null, day: byDay };
}

/** Calls without a session have a row for each day among the lives of sessions. */
function isWithoutSession(filter: ResolvedFilter): boolean {
  return filter.some(({ axis, values, orNone }) => axis === "session" && orNone && values.length === 0);
}

function workloadTables(periods: UsagePeriods): Tables {
  return {
    month: null,
    day: periods === "hours" ? null : "usage_by_workload_daily",
    hour: "usage_by_workload",
  };
}
