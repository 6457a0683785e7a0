import type { UsageReport } from "@tollhouse/contract/control-client";
import { GROUPS, type Filters, type Group } from "../../parts/groups.ts";

type Row = UsageReport["rows"][number];

export interface ComparedRow {
  /** null: calls that name none. */
  readonly value: string | null;
  /** null: there was none in this time. */
  readonly now: Row | null;
  readonly before: Row | null;
}

/** The first axis that is not pinned down, from the whole to its parts. */
export function nextGroup(filters: Filters): Group {
  return GROUPS.find(({ value }) => filters[value] === undefined)?.value ?? "model";
}

/** Rows of now, then those that there were only before. */
export function comparedRows(
  by: Group,
  now: UsageReport | undefined,
  before: UsageReport | undefined,
): readonly ComparedRow[] {
  const valueOf = (row: Row): string | null => row[by] ?? null;
  const earlier = new Map(before?.rows.map((row) => [valueOf(row), row]));
  const rows = (now?.rows ?? []).map((row) => ({
    value: valueOf(row),
    now: row,
    before: earlier.get(valueOf(row)) ?? null,
  }));
  const seen = new Set(rows.map(({ value }) => value));
  const gone = [...earlier].flatMap(([value, row]) => (seen.has(value) ? [] : [{ value, now: null, before: row }]));
  return [...rows, ...gone];
}
