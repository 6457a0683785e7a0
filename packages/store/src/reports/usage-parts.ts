import { monthAfter, monthOfHour } from "../ledger/month-hours.ts";

/** Half-open, whole hours since 1970. */
export type Span = readonly [from: bigint, to: bigint];
/** Of roll-ups, the longest first. */
export const PERIODS = ["month", "day", "hour"] as const;
export type Period = (typeof PERIODS)[number];

/** A stretch of whole periods; `isLess`: what is in it is taken away. */
export interface UsagePart {
  readonly period: Period;
  readonly span: Span;
  readonly isLess: boolean;
}

interface Periods {
  /** The one that an hour is in. */
  readonly startOf: (hour: bigint) => bigint;
  readonly after: (hour: bigint) => bigint;
  /** Rows of one, where an hour has eight: of users who come back every few days (docs/performance.md). */
  readonly rows: bigint;
}

const A_DAY = 24n;
const startOfDay = (hour: bigint): bigint => hour - (hour % A_DAY);
const OF: { readonly [P in Exclude<Period, "hour">]: Periods } = {
  month: { startOf: monthOfHour, after: monthAfter, rows: 180n },
  day: { startOf: startOfDay, after: (hour) => startOfDay(hour) + A_DAY, rows: 60n },
};
const ROWS_OF_HOUR = 8n;

/**
 * Cuts hours into as few rows as will do, from periods of the lengths given, the longest first: whole periods inside, and at either end
 * shorter ones, or a whole period less those outside where these are fewer. Every hour of `span` is in the parts once more than it is taken
 * away, and any other hour as often as it is taken away.
 */
export function usageParts(span: Span, lengths: readonly Period[]): readonly UsagePart[] {
  return joined(cut(span, lengths, false));
}

function cut([from, to]: Span, lengths: readonly Period[], isLess: boolean): UsagePart[] {
  if (from >= to) return [];
  const [period, ...shorter] = lengths;
  if (period === undefined) throw new Error("hours are the shortest period");
  if (period === "hour") return [{ period, span: [from, to], isLess }];
  const { startOf, after } = OF[period];
  const first = startOf(from) === from ? from : after(from);
  const end = startOf(to);
  const piece = (start: bigint, stop: bigint): UsagePart[] => {
    if (start >= stop) return [];
    const [whole, next] = [startOf(start), after(start)];
    const alone = cut([start, stop], shorter, isLess);
    const around: UsagePart[] = [
      { period, span: [whole, next], isLess },
      ...cut([whole, start], shorter, !isLess),
      ...cut([stop, next], shorter, !isLess),
    ];
    return rowsOf(around) < rowsOf(alone) ? around : alone;
  };
  // Both ends in one period.
  if (first > end) return piece(from, to);
  const inside: UsagePart[] = first < end ? [{ period, span: [first, end], isLess }] : [];
  return [...piece(from, first), ...inside, ...piece(end, to)];
}

function rowsOf(parts: readonly UsagePart[]): bigint {
  let rows = 0n;
  for (const { period, span } of parts)
    if (period === "hour") rows += (span[1] - span[0]) * ROWS_OF_HOUR;
    else for (let at = span[0]; at < span[1]; at = OF[period].after(at)) rows += OF[period].rows;
  return rows;
}

/** Neighbours as one: each part is a search of its own. */
function joined(parts: readonly UsagePart[]): UsagePart[] {
  const found: UsagePart[] = [];
  const inOrder = parts.toSorted((a, b) => (a.span[0] < b.span[0] ? -1 : 1));
  for (const part of inOrder) {
    const i = found.findIndex(
      ({ period, isLess, span }) => period === part.period && isLess === part.isLess && span[1] === part.span[0],
    );
    const before = found[i];
    if (before === undefined) found.push(part);
    else found[i] = { ...part, span: [before.span[0], part.span[1]] };
  }
  return found;
}
