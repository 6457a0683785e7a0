import { formatNano } from "@tollhouse/engine";
import type { Database, Queryable } from "../database/database.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import { monthOfHour } from "../ledger/month-hours.ts";
import { DetailsPurged, PurgedDetails } from "../retention/details-purged.ts";
import { hourRange, type HourRange } from "./hour-range.ts";
import { reportSettings } from "./report-settings.ts";
import { isAxis, isTime, USAGE_AXES, type UsageGroup } from "./usage-axes.ts";
import { usageDays, type UsageDays } from "./usage-days.ts";
import { resolveFilter, StatementValues, type UsageFilter } from "./usage-filter.ts";
import { RowOrder, type RowPlace, type UsageOrder } from "./usage-order.ts";
import { SUMS, type SumName, type UsagePeriods } from "./usage-source.ts";
import { reportText, rowsText, type UsageStatement } from "./usage-statement.ts";

export interface UsageRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Half-open `[fromMs, toMs)`, by the time a call was decided; `toMs` may be Infinity. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly groupBy: readonly UsageGroup[];
  readonly filter?: UsageFilter;
  /** IANA, for days and months; default UTC. */
  readonly timeZone?: string;
  /** Default: by time, then by cost. */
  readonly order?: UsageOrder | null;
}

export interface UsagePageRequest extends UsageRequest {
  /** Rows at most; default 1000. */
  readonly limit?: number;
  /** `next_cursor` of the page before; null = the first. */
  readonly cursor?: string | null;
}

/** Calls let through (released ones among them), calls blocked, tokens of all input and output classes, and the cost in dollars. */
export interface UsageSums {
  readonly calls: number;
  readonly blocked: number;
  /** Of the calls: those that ended without a cost, because the provider did nothing. */
  readonly released: number;
  /** Of the calls: those for which no price was known. Their cost is in no sum. */
  readonly cost_unknown: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Nine places. */
  readonly cost: string;
}

/** The sums with one value a group asked for; null = the calls do not have it (or, summarised, no longer say it). */
export type UsageRow = UsageSums & { readonly [G in UsageGroup]?: string | null };

export interface UsageReport {
  readonly rows: readonly UsageRow[];
  /** Of everything that was asked for, whichever page this is. */
  readonly total: UsageSums;
  readonly next_cursor: string | null;
}

type SumRow = { readonly [S in SumName]: bigint };
type TotalRow = { readonly [S in `total_${SumName}`]: bigint };
type GroupRow = SumRow & { readonly [column: string]: string | bigint | null };
type PageRow = GroupRow & TotalRow & { readonly present: boolean | null };

const PAGE = 1000;
const HOUR_MS = 3_600_000;

/**
 * A page of usage by any groups (product.md §7); without a group there is only the total. Rows and total are of one instant; pages of a
 * range that is still filling are each of their own. Throws RangeError naming `from`, `to`, `cursor` or `time_zone`, and DetailsPurged where
 * an end of the range lies inside an hour of which only the sums are left.
 */
export async function usageReport(db: Database, keys: LedgerKeys, request: UsagePageRequest): Promise<UsageReport> {
  const { groupBy, limit = PAGE, cursor = null } = request;
  const order = new RowOrder(groupBy, request.order ?? null);
  const after = cursor === null ? null : order.placeOf(cursor);
  return db.transaction(async (tx) => {
    await reportSettings(tx);
    const { statement, days } = await statementOf(tx, keys, request, order);
    const values = new StatementValues();
    const text = reportText(statement, { limit: limit + 1, after }, values);
    const found = (await tx.query<PageRow>(text, values.list)).rows;
    const present = found.filter((row) => row.present === true);
    const page = present.slice(0, limit);
    const last = page.at(-1);
    return {
      rows: page.map((row) => ({ ...groupsOf(row, groupBy, days), ...sumsOf(row) })),
      total: sumsOf(found.map(totalOf)[0] as SumRow),
      next_cursor: present.length > limit && last ? order.cursorOf(placeOf(last, order)) : null,
    };
  });
}

/** Every row of a report, some at a time, all of one instant. `take` is waited for: a slow reader slows the reading, and nothing piles up. */
export async function usageRows(
  db: Database,
  keys: LedgerKeys,
  request: UsageRequest,
  take: (rows: readonly UsageRow[]) => Promise<void>,
): Promise<void> {
  const { groupBy } = request;
  const order = new RowOrder(groupBy, request.order ?? null);
  await db.transaction(async (tx) => {
    await reportSettings(tx);
    const { statement, days } = await statementOf(tx, keys, request, order);
    const values = new StatementValues();
    await tx.query(`DECLARE usage_rows NO SCROLL CURSOR FOR ${rowsText(statement, values)}`, values.list);
    for (;;) {
      const { rows } = await tx.query<GroupRow>(`FETCH ${PAGE} FROM usage_rows`);
      if (rows.length > 0) await take(rows.map((row) => ({ ...groupsOf(row, groupBy, days), ...sumsOf(row) })));
      if (rows.length < PAGE) return;
    }
  });
}

async function statementOf(
  tx: Queryable,
  keys: LedgerKeys,
  request: UsageRequest,
  order: RowOrder,
): Promise<{ statement: UsageStatement; days: UsageDaysByKind }> {
  const { tenant, groupBy, timeZone = "UTC" } = request;
  const range = hourRange(request.fromMs, request.toMs);
  const days = {
    day: groupBy.includes("day") ? await usageDays(tx, tenant, "day", timeZone, range) : NO_DAYS,
    month: groupBy.includes("month") ? await usageDays(tx, tenant, "month", timeZone, range) : NO_DAYS,
  };
  await assertDetails(tx, request, range);
  const filter = await resolveFilter(tx, keys, tenant, request.filter ?? {});
  const source = { tenant, range, filter, periods: periodsFor(groupBy, days) };
  return { statement: { ...source, order, starts: { day: days.day.starts, month: days.month.starts } }, days };
}

/** Whole hours stand in roll-ups, which stay; ends inside an hour are summed of single calls, by what those say of themselves. */
async function assertDetails(
  tx: Queryable,
  { tenant, groupBy, filter = {} }: UsageRequest,
  { before, after }: HourRange,
): Promise<void> {
  const needed = [...groupBy.filter(isAxis), ...USAGE_AXES.filter((axis) => (filter[axis]?.length ?? 0) > 0)];
  const ends = [before, after].filter(([start, end]) => start < end);
  if (ends.length === 0 || needed.every((axis) => axis === "environment")) return;
  const { latestUs } = await PurgedDetails.of(tx, tenant, filter.environment);
  const purged = latestUs === null ? undefined : ends.find(([start]) => start < latestUs);
  if (latestUs !== null && purged !== undefined)
    throw new DetailsPurged(purged === before ? "from" : "to", latestUs, ", or on the hour");
}

function periodsFor(groupBy: readonly UsageGroup[], { day, month }: UsageDaysByKind): UsagePeriods {
  if (groupBy.includes("hour") || ![...day.starts, ...month.starts].every((hour) => hour % HOURS_A_DAY === 0n))
    return "hours";
  return groupBy.includes("day") || !month.starts.every((hour) => monthOfHour(hour) === hour) ? "days" : "months";
}

type UsageDaysByKind = { readonly day: UsageDays; readonly month: UsageDays };
const NO_DAYS: UsageDays = { starts: [], names: new Map() };
const HOURS_A_DAY = 24n;

function groupsOf(
  row: GroupRow,
  groups: readonly UsageGroup[],
  days: UsageDaysByKind,
): { [G in UsageGroup]?: string | null } {
  const nameOf = (group: UsageGroup): string | null => {
    if (isAxis(group)) return (group === "user" ? row["shown_user"] : row[group]) as string | null;
    const hour = row[`at_${group}`] as bigint;
    if (group === "hour") return new Date(Number(hour) * HOUR_MS).toISOString().replace(".000", "");
    return days[group as "day" | "month"].names.get(hour) ?? null;
  };
  return Object.fromEntries(groups.map((group) => [group, nameOf(group)]));
}

function placeOf(row: PageRow, order: RowOrder): RowPlace {
  const text = (value: unknown): string | null =>
    Buffer.isBuffer(value) ? value.toString("hex") : (value as string | null);
  return {
    times: order.times.filter(isTime).map((time) => String(row[`at_${time}`])),
    measure: String(row["measure"]),
    axes: order.axes.map((axis) => text(axis === "user" ? row["user_pseudonym"] : row[axis])),
  };
}

function totalOf(row: PageRow): SumRow {
  return Object.fromEntries(SUMS.map((name) => [name, row[`total_${name}`]])) as SumRow;
}

function sumsOf(row: SumRow): UsageSums {
  return {
    calls: Number(row.calls),
    blocked: Number(row.blocked),
    released: Number(row.released),
    cost_unknown: Number(row.cost_unknown),
    input_tokens: Number(row.input_tokens),
    output_tokens: Number(row.output_tokens),
    cost: formatNano(row.cost_nano),
  };
}
