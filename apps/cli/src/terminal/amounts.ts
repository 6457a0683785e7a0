/**
 * Amounts and times as people read them. From the texts that the API gives, digit by digit: a float would show money that nobody spent.
 */

/** `"25.000000000"` → `$25.00`, `"0.000056400"` → `$0.0000564`; what is not known is a dash, never zero. */
export function money(amount: string | null): string {
  if (amount === null) return "–";
  const negative = amount.startsWith("-");
  const [whole = "0", fraction = ""] = (negative ? amount.slice(1) : amount).split(".");
  const kept = fraction.replace(/0+$/, "").padEnd(2, "0");
  return `${negative ? "-" : ""}$${grouped(whole)}.${kept}`;
}

/** `1234567` → `1,234,567`. */
export function count(value: number | string | null): string {
  if (value === null) return "–";
  const text = String(value).replace(/\.0+$/, "");
  return /^-?\d+$/.test(text) ? grouped(text) : text;
}

/** An amount in the unit of its measure. */
export function measured(amount: string | null, measure: string): string {
  return measure === "usd" ? money(amount) : count(amount);
}

/** `2026-11-21T09:30:05.123Z` → `2026-11-21 09:30:05Z`: UTC, as the ledger has it. */
export function time(iso: string | null): string {
  return iso === null ? "–" : iso.replace("T", " ").replace(/\.\d+Z$/, "Z");
}

const DAY_MS = 86_400_000;

/** A time in eight columns: of the last 24 hours `09:30:05`, of before `11-21`; UTC. */
export function shortTime(iso: string, nowMs: number): string {
  const whole = time(iso);
  return nowMs - Date.parse(iso) < DAY_MS ? whole.slice(11, 19) : whole.slice(5, 10);
}

function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** A price in pico-dollars a unit → dollars for a million: `150000` → `$0.15`. */
export function pricePerMillion(pico: string | undefined): string {
  if (pico === undefined) return "–";
  const digits = pico.padStart(7, "0");
  return money(`${digits.slice(0, -6)}.${digits.slice(-6)}`);
}
