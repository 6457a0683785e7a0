import type { WindowKind } from "@tollhouse/contract";
import type { Window } from "./limit.ts";
import { localDateOf, offsetAt, startOfLocalDay, transitionBetween } from "./zone-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
export const ROLLING_SLOT_MS = 15 * MINUTE_MS;
/** Slots before the current one that count: 24 hours back lies inside the oldest of them, which counts whole. */
const ROLLING_SLOTS_BEFORE = DAY_MS / ROLLING_SLOT_MS;

const LIFETIME: Window = Object.freeze({ id: "lifetime", startMs: -Infinity, endMs: Infinity });
const UTC_NAMES = new Set(["UTC", "Etc/UTC", "GMT", "Etc/GMT"]);

/**
 * The window of this kind that holds `nowMs`. Windows of one kind and zone tile all time: no gap, no overlap, and every
 * instant of a window gives the same answer. The id is the start in UTC (`2026-11-21T06:00Z`), so it is unique within
 * a limit and does not change with the zone's rules for other dates.
 *
 * - minute: the UTC minute in every zone (no zone in use is off by seconds).
 * - hour: the wall clock's hour. Where clocks go back, the repeated hour is a window of its own; where they jump by half
 *   an hour, the cut hour is a shorter window.
 * - day, month: from the instant the zone's date first reaches it, so 23 or 25 hours on some days.
 * - rolling_24h: the current 15-minute slot; `rollingSlots` says which count.
 *
 * Throws RangeError for an instant that is not finite and for an unknown zone.
 */
export function windowAt(kind: WindowKind, timeZone: string, nowMs: number): Window {
  if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs: expected milliseconds since 1970, got ${nowMs}`);
  switch (kind) {
    case "lifetime":
      return LIFETIME;
    case "rolling_24h":
      return slotWindow(Math.floor(nowMs / ROLLING_SLOT_MS));
    case "minute":
      return fixedWindow(nowMs, MINUTE_MS);
    case "hour":
      return UTC_NAMES.has(timeZone) ? fixedWindow(nowMs, HOUR_MS) : zonedHour(timeZone, nowMs);
    case "day":
      return UTC_NAMES.has(timeZone) ? fixedWindow(nowMs, DAY_MS) : zonedSpan(timeZone, nowMs, dayStart);
    case "month":
      return UTC_NAMES.has(timeZone) ? utcMonth(nowMs) : zonedSpan(timeZone, nowMs, monthStart);
  }
}

/** The window that has this id; null where the id is none of this kind and zone. The way back from `windowAt(…).id`. */
export function windowOfId(kind: WindowKind, timeZone: string, id: string): Window | null {
  const startMs = kind === "rolling_24h" ? Number(id) * ROLLING_SLOT_MS : kind === "lifetime" ? 0 : Date.parse(id);
  if (!Number.isFinite(startMs)) return null;
  const window = windowAt(kind, timeZone, startMs);
  return window.id === id ? window : null;
}

export interface RollingSlots {
  /** Slot numbers; a slot's window id is its number in decimal. */
  readonly oldest: number;
  readonly current: number;
}

/** The slots whose sum is the use of the last 24 hours, both ends included. At most one slot strict, never lenient. */
export function rollingSlots(nowMs: number): RollingSlots {
  const current = Math.floor(nowMs / ROLLING_SLOT_MS);
  return { oldest: current - ROLLING_SLOTS_BEFORE, current };
}

function slotWindow(slot: number): Window {
  return { id: String(slot), startMs: slot * ROLLING_SLOT_MS, endMs: (slot + 1) * ROLLING_SLOT_MS };
}

function fixedWindow(nowMs: number, lengthMs: number): Window {
  const startMs = Math.floor(nowMs / lengthMs) * lengthMs;
  return named(startMs, startMs + lengthMs);
}

function utcMonth(nowMs: number): Window {
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return named(Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1));
}

function zonedHour(timeZone: string, nowMs: number): Window {
  const offsetMs = offsetAt(timeZone, nowMs);
  const startMs = Math.floor((nowMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
  const endMs = startMs + HOUR_MS;
  return named(
    offsetAt(timeZone, startMs) === offsetMs ? startMs : transitionBetween(timeZone, startMs, nowMs),
    offsetAt(timeZone, endMs - 1) === offsetMs ? endMs : transitionBetween(timeZone, nowMs, endMs - 1),
  );
}

type SpanStart = (timeZone: string, date: Date, ahead: number) => number;

const dayStart: SpanStart = (timeZone, date, ahead) =>
  startOfLocalDay(timeZone, date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + ahead);
const monthStart: SpanStart = (timeZone, date, ahead) =>
  startOfLocalDay(timeZone, date.getUTCFullYear(), date.getUTCMonth() + ahead, 1);

/** Where clocks go back over midnight, a date shows twice; the span that began first has it. */
function zonedSpan(timeZone: string, nowMs: number, start: SpanStart): Window {
  const date = localDateOf(timeZone, nowMs);
  const nextMs = start(timeZone, date, 1);
  return nowMs < nextMs ? named(start(timeZone, date, 0), nextMs) : named(nextMs, start(timeZone, date, 2));
}

function named(startMs: number, endMs: number): Window {
  const text = new Date(startMs).toISOString();
  // Years before 1972 had zones off by seconds; two such starts must not share an id.
  return { id: `${startMs % MINUTE_MS === 0 ? text.slice(0, 16) : text.slice(0, 19)}Z`, startMs, endMs };
}
