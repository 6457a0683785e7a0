import { InvalidArgumentError } from "commander";
import { CommandFailed } from "./exit-codes.ts";

/** `session run-42` and `session:run-42` are the same scope; whether it is one, the server says. Of more words only the first would be meant. */
export function scopeOf(words: readonly string[]): string {
  const [kind = "", value, ...more] = words;
  if (more.length > 0 || (value !== undefined && kind.includes(":")))
    throw new CommandFailed("usage", `expected one scope, such as agent:x or agent x, not ${words.join(" ")}`);
  return words.join(":");
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `90`, `90s`, `15m`, `2h`, `7d` → seconds. */
export function seconds(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})([smhdw]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("Expected a duration such as 90s, 15m, 2h or 7d.");
  return Number(digits) * (UNITS[unit || "s"] ?? 1);
}

/** The first year that ISO 8601 writes, and the last with four digits: a time beyond is a slip of the fingers. */
const [FIRST_MS, LAST_MS] = [Date.parse("0000-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59Z")];

/** So many seconds from now, or before now where they are negative. */
export function fromNow(inSeconds: number): string {
  const atMs = Date.now() + inSeconds * 1_000;
  if (atMs < FIRST_MS || atMs > LAST_MS) throw new InvalidArgumentError("Expected a duration within the calendar.");
  return new Date(atMs).toISOString();
}

/** How far ahead: `30d` → the time it will be then. */
export function ahead(text: string): string {
  return fromNow(seconds(text));
}

/** A time as the API takes it, or how long ago: `24h`, `7d`. */
export function moment(text: string): string {
  if (/^\d{1,9}[smhdw]$/.test(text)) return fromNow(-seconds(text));
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

/** The same where none would mean any: a script whose variable is empty must not be told about everything. */
export function atLeastOne(text: string, before: readonly string[] | undefined): readonly string[] {
  if (text.split(",").includes("")) throw new InvalidArgumentError("Expected a value.");
  return several(text, before);
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

/** For `change`: without a field there would be a new version with nothing new in it. */
export function expectSome(fields: object, options: string): void {
  if (Object.keys(given(fields)).length === 0)
    throw new CommandFailed("usage", `nothing to change: expected ${options}`);
}

/** The fields that were given: the API tells what is left out from what is null. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
