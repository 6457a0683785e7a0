import type { WindowKind } from "@tollhouse/contract";
import { rollingSlots } from "@tollhouse/engine";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { reportSettings } from "./report-settings.ts";

/** Longest that a window of the kind can be: a day of 25 hours, a month of 31 days and an hour. */
const LONGEST_MS: Readonly<Partial<Record<WindowKind, number>>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 25 * 3_600_000,
  month: (31 * 24 + 1) * 3_600_000,
};

export interface NearestAsked {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly environment: string;
  readonly nowMs: number;
  readonly rows: number;
}

/** Ids of the budgets of which most is spent, about in that order: their own counters say how much. */
export async function nearestLimits(
  db: Database,
  { tenant, environment, nowMs, rows }: NearestAsked,
): Promise<string[]> {
  const windows = windowsNow(nowMs);
  const values = [
    tenant,
    environment,
    rows,
    windows.map(([kind]) => kind),
    windows.map(([, first]) => first),
    windows.map(([, , last]) => last),
  ];
  return db.transaction(async (tx) => {
    await reportSettings(tx);
    return (await tx.query<{ id: string }>(sql("nearest-limits"), values)).rows.map(({ id }) => id);
  });
}

/** Between which ids the window lies that is now; they sort as their starts do. */
function windowsNow(nowMs: number): [kind: string, first: string, last: string][] {
  const { oldest, current } = rollingSlots(nowMs);
  const timed = Object.entries(LONGEST_MS).map(([kind, longest]): [string, string, string] => [
    kind,
    idAt(nowMs - longest),
    idAt(nowMs),
  ]);
  return [...timed, ["rolling_24h", String(oldest), String(current)], ["lifetime", "lifetime", "lifetime"]];
}

/** As the engine names a window by its start. */
function idAt(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}
