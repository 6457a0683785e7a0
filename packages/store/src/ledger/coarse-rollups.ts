import { monthOfHour } from "./month-hours.ts";
import { addSums, rowKeyOf, sumsOf, USAGE_AXES, USAGE_GROUPS } from "./rollup.ts";
import type { HourlyDelta, HourlySums, UsageDelta, UsageGroup } from "./rollup.ts";

/** A roll-up coarser than the hourly one. */
interface CoarseRollup {
  readonly statement: string;
  readonly period: (hour: number) => number;
  /** Its axes are those of these groups, in this order. */
  readonly groups: readonly UsageGroup[];
}

/** What a batch adds to it; axes in the order of the statement. */
export interface CoarseDeltas {
  readonly statement: string;
  readonly deltas: readonly UsageDelta[];
}

const HOURS_A_DAY = 24;
const hourOf = (hour: number): number => hour;
export const dayOf = (hour: number): number => Math.floor(hour / HOURS_A_DAY);
const monthOf = (hour: number): number => Number(monthOfHour(BigInt(hour)));

export const COARSE_ROLLUPS: readonly CoarseRollup[] = [
  { statement: "upsert-usage-by-workload", period: hourOf, groups: ["place", "model", "caller"] },
  { statement: "upsert-usage-by-workload-daily", period: dayOf, groups: ["place", "model", "caller"] },
  { statement: "upsert-usage-by-user-feature", period: dayOf, groups: ["place", "user", "caller"] },
  { statement: "upsert-usage-by-user-monthly", period: monthOf, groups: ["place", "user"] },
  { statement: "upsert-usage-by-customer", period: dayOf, groups: ["place", "customer"] },
  { statement: "upsert-usage-by-customer-model", period: monthOf, groups: ["place", "customer", "model"] },
  { statement: "upsert-usage-by-customer-feature", period: monthOf, groups: ["place", "customer", "caller"] },
];

/** These hourly deltas summed over the roll-up's periods and all axes that it does not have. */
export function coarseDeltas({ statement, period, groups }: CoarseRollup, hourly: HourlySums): CoarseDeltas {
  const { names } = hourly;
  const columns = groups.flatMap((group) => USAGE_GROUPS[group].map((axis) => USAGE_AXES.indexOf(axis)));
  const periods = new Map<number, number>();
  const sums = new Map<number, UsageDelta>();
  for (const delta of hourly.deltas()) {
    let at = periods.get(delta.hour);
    // A batch has few hours, and dates are dear.
    if (at === undefined) periods.set(delta.hour, (at = period(delta.hour)));
    let id = names.value(at);
    for (const group of groups) id = names.pair(id, delta.groups[group]);
    const sum = sums.get(id);
    if (sum === undefined) sums.set(id, begun(delta, at, columns, hourly));
    else addSums(sum, delta);
  }
  return { statement, deltas: [...sums.values()] };
}

function begun(delta: HourlyDelta, hour: number, columns: readonly number[], hourly: HourlySums): UsageDelta {
  const { tenant } = delta;
  let name = `${tenant}${hour}`;
  for (const column of columns) name += hourly.nameOf(delta.ids[column] as number);
  const axes = columns.map((column) => delta.axes[column] ?? null);
  return { tenant, hour, axes, rowKey: rowKeyOf(name), ...sumsOf(delta) };
}
