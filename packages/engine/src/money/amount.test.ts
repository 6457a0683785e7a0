import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AmountBug,
  AmountInvalid,
  NANO_MAX,
  assertAmount,
  formatNano,
  parseUsd,
  parseWhole,
  picoToNanoHalfUp,
  picoToNanoUp,
  usdNumber,
} from "./amount.ts";

const anyNano = fc.bigInt({ min: 0n, max: NANO_MAX });

describe("an amount is exact or refused, never wrapped", () => {
  test.each([
    ["0", 0n],
    ["0.000000001", 1n],
    ["1", 1_000_000_000n],
    ["25.00", 25_000_000_000n],
    ["007.5", 7_500_000_000n],
    ["9007199.254740991", 2n ** 53n - 1n],
    ["9007199.254740992", 2n ** 53n],
    ["9007199.254740993", 2n ** 53n + 1n],
    ["9223372036.854775806", NANO_MAX - 1n],
    ["9223372036.854775807", NANO_MAX],
  ])("dollars %s", (text, nano) => {
    expect(parseUsd(text)).toBe(nano);
  });

  test.each([
    "",
    "NaN",
    "Infinity",
    "1e9",
    "1E9",
    "-1",
    "-0",
    "+1",
    ".5",
    "5.",
    " 1",
    "1 ",
    "1\n",
    "1,000",
    "1_000",
    "0x10",
    "1n",
    "1.0000000001",
    "1.2.3",
    "１",
    "٣",
    "1\u0000",
    "9223372036.854775808",
    "18446744073.709551616",
    "1".repeat(41),
    "9".repeat(100_000),
    "[object Object]",
  ])("dollars refuse %j", (text) => {
    expect(() => parseUsd(text, "limit.amount")).toThrow(AmountInvalid);
    expect(() => parseUsd(text, "limit.amount")).toThrow(/^limit\.amount: expected /);
  });

  test.each(["", "-1", "1.0", "1e3", "NaN", " 7", "9223372036854775808", "1".repeat(41)])(
    "whole numbers refuse %j",
    (text) => {
      expect(() => parseWhole(text)).toThrow(AmountInvalid);
    },
  );

  test("whole numbers reach the int64 edge", () => {
    expect(parseWhole("0")).toBe(0n);
    expect(parseWhole("9007199254740993")).toBe(2n ** 53n + 1n);
    expect(parseWhole("9223372036854775807")).toBe(NANO_MAX);
  });

  test("a written amount reads back as itself, for every amount", () => {
    fc.assert(fc.property(anyNano, (nano) => parseUsd(formatNano(nano)) === nano));
  });

  test("an arbitrary text is exact or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.-+eEnx_ ".split("")) }), (text) => {
        try {
          const [whole, places = ""] = formatNano(parseUsd(text)).split(".");
          const [wantWhole, wantPlaces = ""] = text.split(".");
          return BigInt(whole!) === BigInt(wantWhole!) && places === wantPlaces.padEnd(9, "0");
        } catch (error) {
          return error instanceof AmountInvalid;
        }
      }),
    );
  });
});

describe("formatting", () => {
  test.each([
    [0n, "0.000000000"],
    [1n, "0.000000001"],
    [-1n, "-0.000000001"],
    [-1_000_000_000n, "-1.000000000"],
    [10_000_000_000n, "10.000000000"],
    [2n ** 53n + 1n, "9007199.254740993"],
    [-NANO_MAX - 1n, "-9223372036.854775808"],
  ])("%s is %s", (nano, text) => {
    expect(formatNano(nano)).toBe(text);
  });

  test.each([
    [7_500_000_000n, "7.5"],
    [100_000_000n, "0.1"],
    [300_000_000n, "0.3"],
    [1n, "1e-9"],
    [-2_500_000_000n, "-2.5"],
    [123_456_789_012_345n, "123456.789012345"],
  ])("a JSON number carries no float noise: %s is %s", (nano, json) => {
    expect(JSON.stringify(usdNumber(nano))).toBe(json);
  });

  test("a JSON number prints the exact amount up to 15 digits", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 999_999_999_999_999n }), (nano) => {
        return BigInt(Math.round(usdNumber(nano) * 1e9)) === nano;
      }),
    );
  });
});

describe("rounding happens once, in a stated direction", () => {
  test("half a nano-dollar goes up in a cost; anything goes up in an estimate", () => {
    expect([0n, 499n, 500n, 999n, 1000n, 1499n, 1500n].map((pico) => picoToNanoHalfUp(pico))).toEqual([
      0n,
      0n,
      1n,
      1n,
      1n,
      1n,
      2n,
    ]);
    expect([0n, 1n, 999n, 1000n, 1001n].map((pico) => picoToNanoUp(pico))).toEqual([0n, 1n, 1n, 1n, 2n]);
    expect(picoToNanoHalfUp(1n, 3n)).toBe(0n);
    expect(picoToNanoHalfUp(1500n, 3n)).toBe(1n);
    expect(picoToNanoHalfUp(1499n, 3n)).toBe(0n);
  });

  test("a cost is never above the estimate of the same pico-dollars, and less than a nano-dollar below", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 80n }), fc.bigInt({ min: 1n, max: 10_000n }), (pico, divisor) => {
        const cost = picoToNanoHalfUp(pico, divisor);
        const up = picoToNanoUp(pico, divisor);
        const whole = 1000n * divisor;
        return cost <= up && up - cost <= 1n && up * whole >= pico && (up - 1n) * whole < pico;
      }),
    );
  });

  test("negative pico-dollars and amounts outside int64 are bugs", () => {
    expect(() => picoToNanoHalfUp(-1n)).toThrow(AmountBug);
    expect(() => picoToNanoUp(-1n)).toThrow(AmountBug);
    expect(() => picoToNanoUp(1n, 0n)).toThrow(AmountBug);
    expect(() => assertAmount(-1n)).toThrow(AmountBug);
    expect(() => assertAmount(NANO_MAX + 1n)).toThrow(AmountBug);
    expect(assertAmount(0n)).toBe(0n);
    expect(assertAmount(NANO_MAX)).toBe(NANO_MAX);
  });
});
