const DAY_MS = 86_400_000;
/** Full days that a forecast is reckoned from, at most. */
export const FORECAST_DAYS = 7;

export interface SpentDay {
  readonly startMs: number;
  readonly nano: bigint;
}

export interface ForecastParts {
  /** Spent since the month began. */
  readonly monthNano: bigint;
  /** Of the full days before today that had calls, in any order. */
  readonly days: readonly SpentDay[];
  readonly nowMs: number;
  readonly todayMs: number;
  readonly monthEndMs: number;
}

export interface MonthForecast {
  readonly costNano: bigint;
  readonly perDayNano: bigint;
  /** Full days that it is reckoned from. */
  readonly days: number;
}

/**
 * What the month will cost: what it has, and for the rest of it as much a day as on the last seven full days; since the first of them that
 * had calls, because before it there was no traffic to go by. null = there is no such day.
 */
export function monthForecast({ monthNano, days, nowMs, todayMs, monthEndMs }: ForecastParts): MonthForecast | null {
  if (days.length === 0) return null;
  const firstMs = Math.min(...days.map(({ startMs }) => startMs));
  const count = Math.round((todayMs - firstMs) / DAY_MS);
  const perDayNano = days.reduce((sum, { nano }) => sum + nano, 0n) / BigInt(count);
  const restNano = (perDayNano * BigInt(Math.round(monthEndMs - nowMs))) / BigInt(DAY_MS);
  return { costNano: monthNano + restNano, perDayNano, days: count };
}
