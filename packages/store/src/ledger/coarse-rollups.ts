import { sha256 } from "./ledger-keys.ts";
import { monthOfHour } from "./month-hours.ts";
import type { ColumnValue } from "./projection.ts";
import { USAGE_AXES } from "./rollup.ts";
import type { UsageDelta } from "./rollup.ts";

type UsageAxis = (typeof USAGE_AXES)[number];

/** What a batch adds to a roll-up coarser than the hourly one, and the statement that adds it. */
export interface CoarseDeltas {
  readonly statement: string;
  /** `hour` is the day, or the hour a month begins at, where the roll-up has those; axes in the order of the statement. */
  readonly deltas: readonly UsageDelta[];
}

const WORKLOAD: readonly UsageAxis[] = [
  "environment",
  "provider",
  "model",
  "key",
  "agent",
  "feature",
  "service",
  "team",
];
const CUSTOMER_MODEL: readonly UsageAxis[] = ["environment", "customer", "provider", "model"];
/** What of the product called. */
const CALLER: readonly UsageAxis[] = ["key", "agent", "feature", "service", "team"];
const HOURS_A_DAY = 24n;

/** The period that an hour, or a day where the finer deltas have days, falls into. */
type PeriodOf = (fine: bigint) => bigint;
const hourOf: PeriodOf = (hour) => hour;
const dayOf: PeriodOf = (hour) => hour / HOURS_A_DAY;

/** A batch has few hours, and dates are dear. */
function monthOf(hoursEach: bigint): PeriodOf {
  const months = new Map<bigint, bigint>();
  return (fine) => {
    let month = months.get(fine);
    if (month === undefined) {
      month = monthOfHour(fine * hoursEach);
      months.set(fine, month);
    }
    return month;
  };
}

/** All coarser roll-ups of these hourly deltas. */
export function coarseDeltas(hourly: readonly UsageDelta[]): CoarseDeltas[] {
  const columns = (axes: readonly UsageAxis[]): number[] => axes.map((axis) => USAGE_AXES.indexOf(axis));
  const workload = folded(hourly, hourOf, columns(WORKLOAD));
  const users = folded(hourly, dayOf, columns(["environment", "user_pseudonym", ...CALLER]));
  return [
    { statement: "upsert-usage-by-workload", deltas: workload },
    {
      statement: "upsert-usage-by-workload-daily",
      deltas: folded(workload, dayOf, [...WORKLOAD.keys()]),
    },
    { statement: "upsert-usage-by-user-feature", deltas: users },
    { statement: "upsert-usage-by-user-monthly", deltas: folded(users, monthOf(HOURS_A_DAY), [0, 1]) },
    {
      statement: "upsert-usage-by-customer",
      deltas: folded(hourly, dayOf, columns(["environment", "customer"])),
    },
    {
      statement: "upsert-usage-by-customer-model",
      deltas: folded(hourly, monthOf(1n), columns(CUSTOMER_MODEL)),
    },
    {
      statement: "upsert-usage-by-customer-feature",
      deltas: folded(hourly, monthOf(1n), columns(["environment", "customer", ...CALLER])),
    },
  ];
}

/** Deltas summed over these periods and all axes but those in these columns. */
function folded(fine: readonly UsageDelta[], periodOf: PeriodOf, columns: readonly number[]): UsageDelta[] {
  const sums = new Map<string, UsageDelta>();
  for (const delta of fine) {
    const hour = periodOf(delta.hour);
    let name = `${delta.tenant}${hour}`;
    for (const column of columns) name += nameOf(delta.axes[column] ?? null);
    const sum = sums.get(name);
    if (sum !== undefined) addSums(sum, delta);
    else {
      const axes = columns.map((column) => delta.axes[column] ?? null);
      sums.set(name, { ...delta, hour, axes, rowKey: sha256(Buffer.from(name)).subarray(0, 16) });
    }
  }
  return [...sums.values()];
}

/** No two lists of values read the same: the projection has no text with a NUL. JSON took a third of the recorder's time. */
export function nameOf(value: ColumnValue): string {
  if (value === null) return "-";
  return `+${Buffer.isBuffer(value) ? value.toString("hex") : String(value)}\0`;
}

export function addSums(sum: UsageDelta, delta: UsageDelta): void {
  sum.calls += delta.calls;
  sum.released += delta.released;
  sum.blocked += delta.blocked;
  sum.costUnknown += delta.costUnknown;
  sum.inputTokens += delta.inputTokens;
  sum.outputTokens += delta.outputTokens;
  sum.costNano += delta.costNano;
}
