import { expect, test } from "vitest";
import { count, measured, money, pricePerMillion, shortTime, time } from "./amounts.ts";

test.each([
  ["25.000000000", "$25.00"],
  ["0.000056400", "$0.0000564"],
  ["0.000000001", "$0.000000001"],
  ["0.000000000", "$0.00"],
  ["9007199254740993.100000000", "$9,007,199,254,740,993.10"],
  ["-2.500000000", "-$2.50"],
  ["10", "$10.00"],
])("money %s is shown exactly, as %s", (amount, shown) => {
  expect(money(amount)).toBe(shown);
});

test("what is not known is a dash and never a zero", () => {
  expect([money(null), count(null), measured(null, "tokens"), time(null)]).toEqual(["–", "–", "–", "–"]);
});

test("tokens and requests are counts, also where the API writes them as decimals", () => {
  expect([measured("1500000", "tokens"), measured("20.000000000", "requests"), measured("0.5", "usd")]).toEqual([
    "1,500,000",
    "20",
    "$0.50",
  ]);
});

test("times are UTC, and say so", () => {
  expect(time("2026-11-21T09:30:05.123Z")).toBe("2026-11-21 09:30:05Z");
});

test("where there is little room a time is of the last 24 hours, or a day", () => {
  const nowMs = Date.parse("2026-11-22T08:00:00Z");
  expect(shortTime("2026-11-21T09:30:05.123Z", nowMs)).toBe("09:30:05");
  expect(shortTime("2026-11-21T07:30:05.123Z", nowMs)).toBe("11-21");
});

test.each([
  ["150000", "$0.15"],
  ["12500000000", "$12,500.00"],
  ["1", "$0.000001"],
  ["0", "$0.00"],
  [undefined, "–"],
])("a price of %s pico-dollars a unit is %s for a million", (pico, shown) => {
  expect(pricePerMillion(pico)).toBe(shown);
});
