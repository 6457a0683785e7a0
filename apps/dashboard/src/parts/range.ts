/** How far back a page looks: until now. */
export const RANGES = [
  { value: "24h", label: "24 hours", group: "hour" },
  { value: "7d", label: "7 days", group: "day" },
  { value: "30d", label: "30 days", group: "day" },
  { value: "90d", label: "90 days", group: "day" },
] as const;
export type Range = (typeof RANGES)[number]["value"];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface Span {
  /** RFC 3339. */
  readonly from: string;
  /** Times that stand for bars: hours or days, as UTC has them, like the months of the figures. */
  readonly steps: readonly Date[];
  readonly group: "hour" | "day";
}

export function isRange(text: unknown): text is Range {
  return RANGES.some(({ value }) => value === text);
}

/** From a whole hour or day, so that the same question is asked until the next one begins. */
export function spanOf(range: Range, now: Date): Span {
  const group = range === "24h" ? "hour" : "day";
  const steps = group === "hour" ? stepsBefore(now, 24, HOUR_MS) : stepsBefore(now, Number.parseInt(range, 10), DAY_MS);
  return { from: (steps[0] ?? now).toISOString(), steps, group };
}

/** The span as long that ends where this one begins. */
export function spanBefore({ from, steps, group }: Span): { readonly from: string; readonly to: string } {
  const start = new Date(from);
  const before = new Date(start.getTime() - steps.length * (group === "hour" ? HOUR_MS : DAY_MS));
  return { from: before.toISOString(), to: start.toISOString() };
}

function stepsBefore(now: Date, count: number, lengthMs: number): Date[] {
  const last = Math.floor(now.getTime() / lengthMs);
  return Array.from({ length: count }, (_, at) => new Date((last - count + 1 + at) * lengthMs));
}

/** As reports name it. */
export function stepName(step: Date, group: Span["group"]): string {
  return step.toISOString().slice(0, NAME_LENGTH[group]);
}

const NAME_LENGTH = { hour: 13, day: 10 } as const;
const HOUR = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "numeric", minute: "2-digit" });
/** Of a day of UTC, which it stays wherever it is read. */
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

export function stepLabel(step: Date, group: Span["group"]): string {
  return (group === "hour" ? HOUR : DAY).format(step);
}
