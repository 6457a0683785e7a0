/**
 * Nano-dollars of a decimal number as text (`0.00014`, `1.2e-7`), rounded half up. `shift` moves the point: a number in
 * 10⁻¹⁰ dollars has shift -10. Null where it is no number, negative, or above a billion dollars. No floating point: the digits
 * are moved as text.
 */
export function nanoOf(text: string, shift = 0): bigint | null {
  const match = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  // Digits to keep: everything left of the point, and nine places right of it.
  const point = whole.length + Number(exponent) + shift + 9;
  if (digits.length > 60 || point > 60) return null;
  if (point < 0) return 0n;
  const nano = BigInt(digits.slice(0, point).padEnd(point, "0") || "0");
  const rounded = (digits[point] ?? "0") >= "5" ? nano + 1n : nano;
  return rounded > 1_000_000_000_000_000_000n ? null : rounded;
}
