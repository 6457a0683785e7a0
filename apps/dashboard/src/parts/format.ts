/** Digits after the point that an amount below a cent shows at least: its first three that say something. */
const SIGNIFICANT = 3;

/** `"1234.5"` → `$1,234.50`; `"0.00005678"` → `$0.0000568`: half up. Works on the digits: no amount goes through a float. */
export function formatUsd(text: string): string {
  const [, sign = "", whole = "0", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const first = fraction.search(/[1-9]/);
  const isSmall = /^0+$/.test(whole) && first >= 2;
  const shown = rounded(whole, fraction, isSmall ? first + SIGNIFICANT : 2);
  return sign + formatExactUsd(shown);
}

/** `"0.000150000000"` → `$0.00015`: to the last digit, where a sum is to be followed. */
export function formatExactUsd(text: string): string {
  const [whole = "0", fraction = ""] = text.split(".");
  return `$${whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** To so many digits after the point, half up. */
function rounded(whole: string, fraction: string, places: number): string {
  const tenfold = BigInt(`${whole}${fraction.padEnd(places + 1, "0").slice(0, places + 1)}`);
  const text = String((tenfold + 5n) / 10n).padStart(places + 1, "0");
  return `${text.slice(0, -places)}.${text.slice(-places)}`;
}

const COUNT = new Intl.NumberFormat("en-US");

/** `1234567` → `1,234,567`. */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** For axes, where there is room for four characters: `1.2M`. */
export function formatShort(count: number): string {
  return SHORT.format(count);
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** In the viewer's zone and manner. */
export function formatMoment(iso: string): string {
  return MOMENT.format(new Date(iso));
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});

/** Where there is little room: the time of day, and the day where it is not today. */
export function formatShortMoment(iso: string): string {
  const at = new Date(iso);
  return (at.toDateString() === new Date().toDateString() ? CLOCK : DAY_AND_CLOCK).format(at);
}

/** `2026-11-21 18:40:03 UTC`. */
export function formatUtc(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `1.5 MiB`: to a tenth below ten, else whole. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const shown = bytes / 1_024 ** step;
  return `${step > 0 && shown < 10 ? shown.toFixed(1) : Math.round(shown)} ${units[step]}`;
}
