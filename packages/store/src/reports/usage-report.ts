import { DIMENSIONS } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { hourRange } from "./hour-range.ts";

/** What a usage report can be grouped by. Hours, days and months are UTC. */
export const USAGE_GROUPS = [...DIMENSIONS, "model", "provider", "key", "environment", "hour", "day", "month"] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** null = all of the tenant's. */
  readonly environment: string | null;
  /** Half-open `[fromMs, toMs)`, by the time a call was decided; `toMs` may be Infinity. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly groupBy: readonly UsageGroup[];
}

/** Calls let through, calls blocked, tokens of all input and output classes, and the cost in dollars with nine places. */
export interface UsageSums {
  readonly calls: number;
  readonly blocked: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: string;
}

/** The sums with one value a group asked for; null = the calls do not have it (or, summarised, no longer say it). */
export type UsageRow = UsageSums & { readonly [G in UsageGroup]?: string | null };

export interface UsageReport {
  readonly rows: readonly UsageRow[];
  readonly total: UsageSums;
}

type SumRow = { readonly [S in "calls" | "blocked" | "input_tokens" | "output_tokens" | "cost_nano"]: string } & {
  readonly [G in UsageGroup]: string | null;
};

/** Product.md §7. The total is the sum of the rows. Throws RangeError naming the field where the range is none. */
export async function usageReport(db: Queryable, request: UsageRequest): Promise<UsageReport> {
  const { hours, before, after } = hourRange(request.fromMs, request.toMs);
  const { rows } = await db.query<SumRow>(sql("usage"), [
    request.tenant,
    ...hours,
    ...before,
    ...after,
    request.groupBy,
    request.environment,
  ]);
  // Without a group there is one row of everything, which is the total.
  const groups = request.groupBy;
  return {
    rows: groups.length === 0 ? [] : rows.map((row) => ({ ...groupsOf(row, groups), ...sumsOf([row]) })),
    total: sumsOf(rows),
  };
}

function groupsOf(row: SumRow, groups: readonly UsageGroup[]): { [G in UsageGroup]?: string | null } {
  return Object.fromEntries(groups.map((group) => [group, row[group]]));
}

function sumsOf(rows: readonly SumRow[]): UsageSums {
  const sum = (name: "calls" | "blocked" | "input_tokens" | "output_tokens" | "cost_nano"): bigint =>
    rows.reduce((total, row) => total + BigInt(row[name]), 0n);
  return {
    calls: Number(sum("calls")),
    blocked: Number(sum("blocked")),
    input_tokens: Number(sum("input_tokens")),
    output_tokens: Number(sum("output_tokens")),
    cost: formatNano(sum("cost_nano")),
  };
}
