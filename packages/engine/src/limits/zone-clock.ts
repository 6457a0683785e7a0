/** Longer than any zone has ever been from UTC. */
const OFFSET_MS_MAX = 16 * 3_600_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** What to add to UTC for the wall clock of the zone at this instant. Throws RangeError naming an unknown zone. */
export function offsetAt(timeZone: string, atMs: number): number {
  return wallClock(timeZone, atMs) - Math.floor(atMs / 1000) * 1000;
}

/** The zone's date at this instant, in the UTC fields of the answer. */
export function localDateOf(timeZone: string, atMs: number): Date {
  return new Date(wallClock(timeZone, atMs));
}

/**
 * The instant at which the zone's date first reaches this one. `month` is 0 to 11; month and day may run over.
 * Where clocks jump over midnight that is the jump; where a whole date is skipped it is the start of the next.
 */
export function startOfLocalDay(timeZone: string, year: number, month: number, day: number): number {
  const wallMs = Date.UTC(year, month, day);
  const before = offsetAt(timeZone, wallMs - OFFSET_MS_MAX);
  const after = offsetAt(timeZone, wallMs + OFFSET_MS_MAX);
  if (before === after) return wallMs - before;
  const jumpMs = transitionBetween(timeZone, wallMs - OFFSET_MS_MAX, wallMs + OFFSET_MS_MAX);
  if (wallMs - before < jumpMs) return wallMs - before;
  return Math.max(jumpMs, wallMs - after);
}

/** First instant in (fromMs, toMs] with another offset than at `fromMs`; the offsets at the two ends differ. */
export function transitionBetween(timeZone: string, fromMs: number, toMs: number): number {
  const before = offsetAt(timeZone, fromMs);
  let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

/** Milliseconds since 1970 that a UTC clock would show when it shows what the zone's clock shows, to the second. */
function wallClock(timeZone: string, atMs: number): number {
  const fields = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const part of formatterOf(timeZone).formatToParts(atMs))
    if (part.type in fields) fields[part.type as keyof typeof fields] = Number(part.value);
  return Date.UTC(fields.year, fields.month - 1, fields.day, fields.hour, fields.minute, fields.second);
}

/** Making a formatter costs a hundred times what using it does. There are some 600 zones, so the cache is bounded. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}
