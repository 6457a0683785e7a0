import { createLimitSnapshot, windowAt, type Limit, type LimitSnapshot } from "@tollhouse/engine";
import type { SettledCall } from "./settled-tap.ts";

/** What a limit's counters start with, by window id, in the limit's unit. */
export type StartingAmounts = ReadonlyMap<string, bigint>;

/** Adds to `recorded` what the calls that ended meanwhile used under the limit, each in the window it was decided in. */
export function addSettled(
  limit: Limit,
  recorded: ReadonlyMap<string, bigint>,
  settled: readonly SettledCall[],
): StartingAmounts {
  const alone: LimitSnapshot = createLimitSnapshot({ version: 1, limits: [limit], defaultSessionBudget: null });
  const sums = new Map(recorded);
  for (const { call, startedMs, used } of settled) {
    if (alone.match(call).length === 0) continue;
    const { id } = windowAt(limit.window, limit.timeZone, startedMs);
    sums.set(id, (sums.get(id) ?? 0n) + used[limit.measure]);
  }
  return sums;
}
