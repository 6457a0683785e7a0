import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PERIODS, usageParts, type Period, type Span, type UsagePart } from "./usage-parts.ts";

const hour = (time: string): bigint => BigInt(Date.parse(time) / 3_600_000);
const shown = (parts: readonly UsagePart[]): string[] =>
  parts.map(({ period, span, isLess }) => {
    const [from, to] = span.map((at) => new Date(Number(at) * 3_600_000).toISOString().slice(0, 13));
    return `${isLess ? "less " : ""}${period}s ${from} to ${to}`;
  });
const daysOf = (parts: readonly UsagePart[]): bigint =>
  parts.reduce((days, { period, span: [from, to] }) => (period === "day" ? days + (to - from) / 24n : days), 0n);

describe("parts of a range", () => {
  const anHour = fc.integer({ min: 0, max: 100 * 24 }).map((n) => hour("2026-01-20T00:00Z") + BigInt(n));
  const someLengths = fc.constantFrom<readonly Period[]>(PERIODS, ["day", "hour"], ["month", "hour"], ["hour"]);

  test("hold each of its hours once, any other not at all, and each part is of whole periods of a length that was given", () => {
    const holds = ([a, b]: readonly [bigint, bigint], lengths: readonly Period[]): void => {
      const span: Span = a < b ? [a, b] : [b, a];
      const times = new Map<bigint, number>();
      for (const { period, span: part, isLess } of usageParts(span, lengths)) {
        expect(lengths).toContain(period);
        expect(part[0]).toBeLessThan(part[1]);
        for (const end of part) {
          const at = new Date(Number(end) * 3_600_000).toISOString();
          expect(at).toMatch({ month: /-01T00:00/, day: /T00:00/, hour: /:00:00\./ }[period]);
        }
        for (let at = part[0]; at < part[1]; at++) times.set(at, (times.get(at) ?? 0) + (isLess ? -1 : 1));
      }
      const held = [...times].filter(([, count]) => count !== 0);
      expect(held.length).toBe(Number(span[1] - span[0]));
      expect(held.every(([at, count]) => count === 1 && at >= span[0] && at < span[1])).toBe(true);
    };
    fc.assert(fc.property(fc.tuple(anHour, anHour), someLengths, holds), { numRuns: 500 });
  });

  test("are the month less its first days where those are fewer, and so at every end", () => {
    expect(shown(usageParts([hour("2026-10-03T00:00Z"), hour("2026-11-01T00:00Z")], PERIODS))).toEqual([
      "months 2026-10-01T00 to 2026-11-01T00",
      "less days 2026-10-01T00 to 2026-10-03T00",
    ]);
    expect(shown(usageParts([hour("2026-10-25T02:00Z"), hour("2026-12-29T22:00Z")], PERIODS))).toEqual([
      "days 2026-10-25T00 to 2026-11-01T00",
      "less hours 2026-10-25T00 to 2026-10-25T02",
      "months 2026-11-01T00 to 2027-01-01T00",
      "less hours 2026-12-29T22 to 2026-12-30T00",
      "less days 2026-12-30T00 to 2027-01-01T00",
    ]);
    expect(shown(usageParts([hour("2026-11-02T00:00Z"), hour("2026-11-29T00:00Z")], PERIODS))).toEqual([
      "months 2026-11-01T00 to 2026-12-01T00",
      "less days 2026-11-01T00 to 2026-11-02T00",
      "less days 2026-11-29T00 to 2026-12-01T00",
    ]);
  });

  test("of thirty days that end on any day of a month have seventeen days beside months at most", () => {
    for (let day = 0n; day < 365n; day++) {
      const end = hour("2026-01-31T00:00Z") + day * 24n;
      expect(daysOf(usageParts([end - 30n * 24n, hour("2030-01-01T00:00Z")], PERIODS))).toBeLessThanOrEqual(17n);
    }
  });

  test("of nothing are none", () => {
    expect(usageParts([hour("2026-10-03T05:00Z"), hour("2026-10-03T05:00Z")], PERIODS)).toEqual([]);
  });
});
