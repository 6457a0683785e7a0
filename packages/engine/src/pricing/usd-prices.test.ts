import { expect, test } from "vitest";
import { PriceInvalid } from "./price-row.ts";
import { picoPerUnit, readUsdPrices } from "./usd-prices.ts";

test.each([
  ["2.5", 1_000_000n, 2_500_000n],
  ["0.0125", 1_000_000n, 12_500n],
  ["0.003625", 1_000_000n, 3_625n],
  ["600", 1_000_000n, 600_000_000n],
  ["0.36", 3_600n, 100_000_000n],
  ["0.111", 3_600n, 30_833_334n],
  ["10", 1_000n, 10_000_000_000n],
  ["0.0000001", 1_000_000n, 1n],
  ["0", 1n, 0n],
])("%s dollars for %s units is %s pico-dollars a unit, exactly or rounded up", (usd, per, pico) => {
  expect(picoPerUnit(usd, per)).toBe(pico);
});

test.each(["", "-1", "+1", "1e-7", "NaN", "1.", ".5", "1,5", " 1", "1".repeat(41)])("a price %j is refused", (usd) => {
  expect(() => readUsdPrices({ output: usd })).toThrow(PriceInvalid);
  expect(() => readUsdPrices({ output: usd })).toThrow(/^output: expected US dollars/);
});

test("tokens are priced by the million, units by the piece", () => {
  expect(readUsdPrices({ input: "2.50", output_image: "40", web_search_call: "0.01", image: "0.12" })).toEqual({
    input: 2_500_000n,
    output_image: 40_000_000n,
    web_search_call: 10_000_000_000n,
    image: 120_000_000_000n,
  });
});

test.each(["tokens", "__proto__", "inputs"])("a class %s does not exist", (name) => {
  expect(() => readUsdPrices(JSON.parse(`{"${name}": "1"}`) as Record<string, string>)).toThrow(PriceInvalid);
});
