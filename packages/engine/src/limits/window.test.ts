import type { WindowKind } from "@tollhouse/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Window } from "./limit.ts";
import { ROLLING_SLOT_MS, rollingSlots, windowAt, windowOfId } from "./window.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KINDS: readonly WindowKind[] = ["minute", "hour", "day", "month", "rolling_24h"];
/** Half-hour and 45-minute zones, a half-hour DST (Lord Howe), midnight DST (Havana, Beirut), a skipped day (Apia). */
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "America/Havana",
  "America/St_Johns",
  "America/Sao_Paulo",
  "Asia/Beirut",
  "Africa/Casablanca",
  "Pacific/Apia",
];
/** Instants close to which clocks changed somewhere, besides any instant since 2000. */
const EDGES = [
  "2026-03-29T01:00Z",
  "2026-10-25T01:00Z",
  "2026-03-08T07:00Z",
  "2026-11-01T06:00Z",
  "2026-04-04T15:00Z",
  "2026-10-03T15:30Z",
  "2026-03-08T05:00Z",
  "2026-11-01T05:00Z",
  "2006-10-29T02:31Z",
  "2017-10-15T03:00Z",
  "2018-02-18T02:00Z",
  "2011-12-30T10:00Z",
  "2026-02-15T02:00Z",
].map((text) => Date.parse(text));
const instant = fc.oneof(
  fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) }),
  fc.tuple(fc.constantFrom(...EDGES), fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS })).map(([at, by]) => at + by),
  fc.tuple(fc.constantFrom(...EDGES), fc.integer({ min: -3, max: 3 })).map(([at, by]) => at + by),
);
const kind = fc.constantFrom(...KINDS);
const zone = fc.constantFrom(...ZONES);

describe("windows tile all time, in every zone", () => {
  test("the window of an instant holds it, and every instant in it gives the same window", () => {
    fc.assert(
      fc.property(kind, zone, instant, fc.double({ min: 0, max: 1, noNaN: true }), (k, z, nowMs, part) => {
        const window = windowAt(k, z, nowMs);
        expect(window.startMs <= nowMs && nowMs < window.endMs).toBe(true);
        for (const at of [window.startMs, window.endMs - 1, inside(window, part)])
          expect(windowAt(k, z, at)).toEqual(window);
      }),
      { numRuns: 1_500 },
    );
  });

  test("the next window begins where this one ends, under another id", () => {
    fc.assert(
      fc.property(kind, zone, instant, (k, z, nowMs) => {
        const window = windowAt(k, z, nowMs);
        const next = windowAt(k, z, window.endMs);
        expect(next.startMs).toBe(window.endMs);
        expect(next.id).not.toBe(window.id);
        expect(windowAt(k, z, window.startMs - 1).endMs).toBe(window.startMs);
      }),
      { numRuns: 1_500 },
    );
  });

  test("an id leads back to its window, and a foreign one to none", () => {
    fc.assert(
      fc.property(kind, zone, instant, (k, z, nowMs) => {
        const window = windowAt(k, z, nowMs);
        expect(windowOfId(k, z, window.id)).toEqual(window);
      }),
      { numRuns: 500 },
    );
    expect(windowOfId("lifetime", "UTC", "lifetime")).toEqual(windowAt("lifetime", "UTC", 0));
    expect(windowOfId("day", "UTC", "2026-11-21T06:00Z")).toBeNull();
    expect(windowOfId("day", "UTC", "lifetime")).toBeNull();
    expect(windowOfId("rolling_24h", "UTC", "")).toBeNull();
  });
});

describe("known days, hours and months", () => {
  const hours = (window: Window): number => (window.endMs - window.startMs) / HOUR_MS;
  const at = (k: WindowKind, z: string, text: string): Window => windowAt(k, z, Date.parse(text));

  test.each([
    ["UTC", "2026-11-21T06:30Z", "2026-11-21T00:00Z", 24],
    ["Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z", 23],
    ["Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z", 25],
    ["America/New_York", "2026-03-08T12:00Z", "2026-03-08T05:00Z", 23],
    ["America/New_York", "2026-11-01T12:00Z", "2026-11-01T04:00Z", 25],
    ["Australia/Lord_Howe", "2026-04-05T00:00Z", "2026-04-04T13:00Z", 24.5],
    ["Asia/Kolkata", "2026-11-21T06:30Z", "2026-11-20T18:30Z", 24],
    // Midnight does not exist: the day begins at one o'clock.
    ["America/Havana", "2026-03-08T12:00Z", "2026-03-08T05:00Z", 23],
    // One in the morning goes back to midnight: the day has two midnights and begins at the first.
    ["America/Havana", "2026-11-01T12:00Z", "2026-11-01T04:00Z", 25],
    // 00:01 goes back to 23:01: the new date began, and its window goes on through the repeated hour.
    ["America/St_Johns", "2006-10-29T02:45Z", "2006-10-29T02:30Z", 25],
    // Apia skipped 30 December 2011 altogether.
    ["Pacific/Apia", "2011-12-30T09:00Z", "2011-12-29T10:00Z", 24],
    ["Pacific/Apia", "2011-12-30T11:00Z", "2011-12-30T10:00Z", 24],
  ])("day in %s at %s begins %s and has %d hours", (z, now, id, length) => {
    const window = at("day", z, now);
    expect([window.id, hours(window)]).toEqual([id, length]);
  });

  test.each([
    ["UTC", "2024-02-29T23:59Z", "2024-02-01T00:00Z", 29],
    ["UTC", "2026-12-31T23:59Z", "2026-12-01T00:00Z", 31],
    ["Asia/Kolkata", "2026-01-31T18:30Z", "2026-01-31T18:30Z", 28],
    ["Europe/Berlin", "2026-03-15T00:00Z", "2026-02-28T23:00Z", 31 - 1 / 24],
    ["Europe/Berlin", "2026-10-31T22:59Z", "2026-09-30T22:00Z", 31 + 1 / 24],
  ])("month in %s at %s begins %s and has %d days", (z, now, id, days) => {
    const window = at("month", z, now);
    expect(window.id).toBe(id);
    expect(hours(window) / 24).toBeCloseTo(days, 9);
  });

  test("the hour of a half-hour zone begins at half past in UTC", () => {
    expect(at("hour", "Asia/Kolkata", "2026-11-21T06:45Z").id).toBe("2026-11-21T06:30Z");
    expect(at("hour", "Asia/Kathmandu", "2026-11-21T06:45Z").id).toBe("2026-11-21T06:15Z");
  });

  test("the hour that clocks repeat is a window of its own", () => {
    const [first, second] = [
      at("hour", "Europe/Berlin", "2026-10-25T00:30Z"),
      at("hour", "Europe/Berlin", "2026-10-25T01:30Z"),
    ];
    expect([first.id, second.id]).toEqual(["2026-10-25T00:00Z", "2026-10-25T01:00Z"]);
    expect(hours(first) + hours(second)).toBe(2);
  });

  test("an instant that is none and a zone that is none are named", () => {
    expect(() => windowAt("day", "UTC", Number.NaN)).toThrow(/nowMs/);
    expect(() => windowAt("day", "Mars/Olympus", 0)).toThrow(/Mars\/Olympus/);
  });
});

test("rolling_24h: the slots that count cover the last 24 hours, and less than one slot more", () => {
  fc.assert(
    fc.property(instant, (nowMs) => {
      const { oldest, current } = rollingSlots(nowMs);
      expect(windowAt("rolling_24h", "UTC", nowMs).id).toBe(String(current));
      expect(current - oldest).toBe(96);
      const coveredMs = nowMs - oldest * ROLLING_SLOT_MS;
      expect(coveredMs >= DAY_MS && coveredMs < DAY_MS + ROLLING_SLOT_MS).toBe(true);
    }),
  );
});

function inside(window: Window, part: number): number {
  return Math.floor(window.startMs + part * (window.endMs - 1 - window.startMs));
}
