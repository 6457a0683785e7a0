const DIGITS = 9;

/** Both are decimal strings as the API tells them. In tenths of a percent, rounded down; of nothing, anything is all of it. */
export function perMille(part: string, whole: string): number {
  const [some, all] = [nano(part), nano(whole)];
  if (all <= 0n) return some > 0n ? 1000 : 0;
  return Number((some * 1000n) / all);
}

function nano(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  const sign = whole.startsWith("-") ? -1n : 1n;
  return sign * BigInt(`${whole.replace("-", "")}${fraction.padEnd(DIGITS, "0").slice(0, DIGITS)}`);
}
