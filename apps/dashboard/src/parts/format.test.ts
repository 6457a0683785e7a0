import { expect, test } from "vitest";
import { formatUsd } from "./format.ts";

test("dollars are shown to the cent, and below a cent to three digits that say something; all half up", () => {
  const shown = {
    "0": "$0.00",
    "0.000000000": "$0.00",
    "1234567.005": "$1,234,567.01",
    "999.995": "$1,000.00",
    "0.014999999": "$0.01",
    "-0.125": "-$0.13",
    "0.000056400": "$0.0000564",
    "0.000269400": "$0.000269",
    "0.003947850": "$0.00395",
    "0.003967850": "$0.00397",
    "0.009995000": "$0.01",
    "-0.000000015": "-$0.000000015",
    "0.000000001": "$0.000000001",
  };
  for (const [amount, text] of Object.entries(shown)) expect(formatUsd(amount), amount).toBe(text);
});
