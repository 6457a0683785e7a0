import { expect, test } from "vitest";
import { monthForecast } from "./month-forecast.ts";

const at = (text: string): number => Date.parse(`${text}Z`);
const day = (text: string, nano: bigint) => ({ startMs: at(`${text}T00:00`), nano });
/** Noon of the 21st of a month of 30 days: nine and a half are left. */
const noon = { nowMs: at("2026-11-21T12:00"), todayMs: at("2026-11-21T00:00"), monthEndMs: at("2026-12-01T00:00") };

test("the rest of the month costs as much a day as the last full days", () => {
  const days = ["14", "15", "16", "17", "18", "19", "20"].map((date) => day(`2026-11-${date}`, 10n));
  expect(monthForecast({ ...noon, monthNano: 205n, days })).toEqual({ costNano: 300n, perDayNano: 10n, days: 7 });
});

test("days without a call count, unless they are before the first that had one", () => {
  const days = [day("2026-11-17", 40n), day("2026-11-20", 40n)];
  expect(monthForecast({ ...noon, monthNano: 80n, days })).toEqual({ costNano: 270n, perDayNano: 20n, days: 4 });
});

test("without a full day there is no forecast, rather than one of nothing", () => {
  expect(monthForecast({ ...noon, monthNano: 80n, days: [] })).toBeNull();
});
