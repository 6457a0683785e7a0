import { expect, test } from "vitest";
import { shownPrice } from "./pico.ts";

test.each([
  ["input", "150000", "$0.15", "a million"],
  ["output", "600000", "$0.60", "a million"],
  ["input_cache_read", "1", "$0.000001", "a million"],
  ["input_cache_read", "75000", "$0.075", "a million"],
  ["character", "15000000", "$15.00", "a million"],
  ["image", "40000000000", "$0.04", "each"],
  ["web_search_call", "10000000000", "$0.01", "each"],
  // Past what a float counts exactly.
  ["output", "9007199254740993000001", "$9,007,199,254,740,993.000001", "a million"],
])("%s at %s pico-dollars a unit is %s %s", (usageClass, pico, usd, per) => {
  expect(shownPrice(usageClass, pico)).toMatchObject({ usd, per });
});
