const HOUR_US = 3_600_000_000n;
/** Beyond any time a report can name; PostgreSQL's bigint holds it. The start of a month, so that nothing sticks out behind it. */
const END_US = BigInt(Date.UTC(100_000, 0)) * 1000n;

/** A range of time cut into whole hours, which the roll-up answers, and what sticks out at either end, which the ledger answers. */
export interface HourRange {
  /** Half-open, hours since 1970; empty where the range holds no whole hour. */
  readonly hours: readonly [bigint, bigint];
  /** Half-open, microseconds; empty where the range begins or ends on the hour. */
  readonly before: readonly [bigint, bigint];
  readonly after: readonly [bigint, bigint];
}

/** `[fromMs, toMs)`; `toMs` may be Infinity. Throws where the times are not whole milliseconds, or in the wrong order. */
export function hourRange(fromMs: number, toMs: number): HourRange {
  const from = microseconds("from", fromMs);
  const to = toMs === Infinity ? END_US : microseconds("to", toMs);
  if (to < from) throw new RangeError(`to: expected a time not before from, got ${toMs} after ${fromMs}`);
  const first = (from + HOUR_US - 1n) / HOUR_US;
  const end = to / HOUR_US;
  if (first >= end) return { hours: [0n, 0n], before: [from, to], after: [0n, 0n] };
  return { hours: [first, end], before: [from, first * HOUR_US], after: [end * HOUR_US, to] };
}

function microseconds(field: string, ms: number): bigint {
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw new RangeError(`${field}: expected whole milliseconds since 1970, got ${ms}`);
  return BigInt(ms) * 1000n;
}
