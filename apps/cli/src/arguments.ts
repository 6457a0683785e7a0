import { InvalidArgumentError } from "commander";

/** `session run-42` and `session:run-42` are the same scope; whether it is one, the server says. */
export function scopeOf(words: readonly string[]): string {
  return words.join(":");
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `90`, `90s`, `15m`, `2h`, `7d` → seconds. */
export function seconds(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})([smhdw]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("Expected a duration such as 90s, 15m, 2h or 7d.");
  return Number(digits) * (UNITS[unit || "s"] ?? 1);
}

/** A time as the API takes it, or how long ago: `24h`, `7d`. */
export function moment(text: string): string {
  if (/^\d{1,9}[smhdw]$/.test(text)) return new Date(Date.now() - seconds(text) * 1_000).toISOString();
  if (/^\d{4}-\d\d-\d\d([T ]|$)/.test(text)) return text;
  throw new InvalidArgumentError(
    "Expected a time such as 2026-11-21T09:30:00Z or 2026-11-21, or how long ago: 24h, 7d.",
  );
}

export function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

/** `a,b` and an option given twice are the same. */
export function several(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...text.split(",").filter((part) => part !== "")];
}

/** `team=search` → one entry more. */
export function pair(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected name=value, such as team=search.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** The fields that were given: the API tells what is left out from what is null. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
