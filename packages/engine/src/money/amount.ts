/**
 * Amounts are whole nano-dollars (10⁻⁹ USD) in a bigint that fits a signed 64-bit column; prices are whole pico-dollars
 * (10⁻¹² USD) a unit. No number type here but at the very edge: `usdNumber`, for JSON that official clients read.
 */

/** Largest amount there is: the int64 edge of the database column, 9,223,372,036.854775807 USD. */
export const NANO_MAX = 9_223_372_036_854_775_807n;

const NANO_PER_USD = 1_000_000_000n;
const PICO_PER_NANO = 1_000n;

/** Longer texts are refused unread: parsing a megabyte of digits takes seconds, and no amount needs it. */
const TEXT_LENGTH_MAX = 40;

/** Text that is no amount. `field` is the name the sender used; `expected` says what would have been right. */
export class AmountInvalid extends Error {
  override readonly name = "AmountInvalid";
  readonly field: string;
  readonly expected: string;
  constructor(field: string, expected: string) {
    super(`${field}: expected ${expected}`);
    this.field = field;
    this.expected = expected;
  }
}

/** A negative or overflowing amount came out of our own arithmetic: fails the call before it is forwarded. */
export class AmountBug extends Error {
  override readonly name = "AmountBug";
}

/** US dollars as a decimal text with at most nine places → nano-dollars. No sign, exponent, blank or separator. */
export function parseUsd(text: string, field = "amount"): bigint {
  const match = text.length <= TEXT_LENGTH_MAX ? /^(\d+)(?:\.(\d{1,9}))?$/.exec(text) : null;
  if (match === null) throw new AmountInvalid(field, 'a decimal string with at most nine places, such as "25.00"');
  const nano = BigInt(match[1]!) * NANO_PER_USD + BigInt((match[2] ?? "").padEnd(9, "0"));
  if (nano > NANO_MAX) throw new AmountInvalid(field, `at most ${formatNano(NANO_MAX)}`);
  return nano;
}

/** A whole number of tokens or requests → bigint, with the same upper edge as money (same column). */
export function parseWhole(text: string, field = "amount"): bigint {
  if (text.length > TEXT_LENGTH_MAX || !/^\d+$/.test(text))
    throw new AmountInvalid(field, 'a whole number as a string, such as "1000"');
  const whole = BigInt(text);
  if (whole > NANO_MAX) throw new AmountInvalid(field, `at most ${NANO_MAX}`);
  return whole;
}

/** Nano-dollars → dollars with exactly nine places. Negative values (a correction, a remaining below zero) keep their sign. */
export function formatNano(nano: bigint): string {
  const digits = (nano < 0n ? -nano : nano).toString().padStart(10, "0");
  return `${nano < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** Pico-dollars, 0 or more → dollars with exactly twelve places: what an amount is made of before it is rounded. */
export function formatPico(pico: bigint): string {
  const digits = pico.toString().padStart(13, "0");
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

/**
 * Nano-dollars → dollars as a JSON number, for `budget_info` only. Built from the decimal text, so it is the double nearest
 * to the true amount and prints without noise (7.5, never 7.499999999). Nothing may be computed from it.
 */
export function usdNumber(nano: bigint): number {
  return Number(formatNano(nano));
}

/** Returns its argument, so that it can stand in an expression. Throws AmountBug outside 0 … NANO_MAX. */
export function assertAmount(nano: bigint): bigint {
  if (nano < 0n || nano > NANO_MAX) throw new AmountBug(`amount out of range: ${nano}`);
  return nano;
}

/** For a cost: a half nano-dollar goes up. `divisor` lets a ratio (a service tier) share the one rounding. */
export function picoToNanoHalfUp(pico: bigint, divisor = 1n): bigint {
  if (pico < 0n || divisor <= 0n) throw new AmountBug(`cannot round ${pico} / ${divisor}`);
  const whole = PICO_PER_NANO * divisor;
  return (2n * pico + whole) / (2n * whole);
}

/** For an estimate: any rest goes up, so that the estimate of a sum is never below the cost of the sum. */
export function picoToNanoUp(pico: bigint, divisor = 1n): bigint {
  if (pico < 0n || divisor <= 0n) throw new AmountBug(`cannot round ${pico} / ${divisor}`);
  const whole = PICO_PER_NANO * divisor;
  return (pico + whole - 1n) / whole;
}
