import { sha256 } from "./ledger-keys.ts";
import type { ColumnValue } from "./projection.ts";
import { USAGE_AXES } from "./rollup.ts";
import type { UsageDelta } from "./rollup.ts";

type UsageAxis = (typeof USAGE_AXES)[number];

/** What a batch adds to a roll-up coarser than the hourly one, and the statement that adds it. */
export interface CoarseDeltas {
  readonly statement: string;
  /** `hour` is the day, where the roll-up has days; axes in the order of the statement. */
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
const HOURS_A_DAY = 24n;

/** All coarser roll-ups of these hourly deltas. */
export function coarseDeltas(hourly: readonly UsageDelta[]): CoarseDeltas[] {
  const columns = (axes: readonly UsageAxis[]): number[] => axes.map((axis) => USAGE_AXES.indexOf(axis));
  const workload = folded(hourly, 1n, columns(WORKLOAD));
  return [
    { statement: "upsert-usage-by-workload", deltas: workload },
    {
      statement: "upsert-usage-by-workload-daily",
      deltas: folded(workload, HOURS_A_DAY, [...WORKLOAD.keys()]),
    },
    {
      statement: "upsert-usage-by-session",
      deltas: folded(hourly, HOURS_A_DAY, columns(["environment", "session"])),
    },
    {
      statement: "upsert-usage-by-user",
      deltas: folded(hourly, HOURS_A_DAY, columns(["environment", "user_pseudonym"])),
    },
    {
      statement: "upsert-usage-by-customer",
      deltas: folded(hourly, HOURS_A_DAY, columns(["environment", "customer"])),
    },
  ];
}

/** Deltas summed over `hours` hours and all axes but those in these columns. */
function folded(fine: readonly UsageDelta[], hours: bigint, columns: readonly number[]): UsageDelta[] {
  const sums = new Map<string, UsageDelta>();
  for (const delta of fine) {
    const hour = delta.hour / hours;
    let name = `${delta.tenant}${hour}`;
    for (const column of columns) name += nameOf(delta.axes[column] ?? null);
    const sum = sums.get(name);
    if (sum !== undefined) add(sum, delta);
    else {
      const axes = columns.map((column) => delta.axes[column] ?? null);
      sums.set(name, { ...delta, hour, axes, rowKey: sha256(Buffer.from(name)).subarray(0, 16) });
    }
  }
  return [...sums.values()];
}

/** No two lists of values read the same: the projection has no text with a NUL. JSON took a third of the recorder's time. */
function nameOf(value: ColumnValue): string {
  if (value === null) return "-";
  return `+${Buffer.isBuffer(value) ? value.toString("hex") : String(value)}\0`;
}

function add(sum: UsageDelta, delta: UsageDelta): void {
  sum.calls += delta.calls;
  sum.released += delta.released;
  sum.blocked += delta.blocked;
  sum.costUnknown += delta.costUnknown;
  sum.inputTokens += delta.inputTokens;
  sum.outputTokens += delta.outputTokens;
  sum.costNano += delta.costNano;
}
