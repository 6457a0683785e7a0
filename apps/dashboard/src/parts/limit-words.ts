import type { Limit } from "@tollhouse/contract/control-client";
import { formatCount, formatUsd } from "./format.ts";

export type Measure = Limit["measure"];
export type Window = Limit["window"];

export const MEASURES: readonly { readonly value: Measure; readonly label: string }[] = [
  { value: "usd", label: "US dollars" },
  { value: "tokens", label: "tokens" },
  { value: "requests", label: "requests" },
];

/** As they follow an amount: “$25.00 each day”. */
export const WINDOW_WORDS: Readonly<Record<Window, string>> = {
  minute: "each minute",
  hour: "each hour",
  day: "each day",
  month: "each month",
  rolling_24h: "in any 24 hours",
  lifetime: "in all",
};

export const WINDOWS = Object.entries(WINDOW_WORDS).map(([value, label]) => ({ value: value as Window, label }));

/** Windows that begin and end by the clock of a time zone. */
export function hasTimeZone(window: Window): boolean {
  return window === "day" || window === "month";
}

/** `25.000000000` of `usd` → `$25.00`; `1000` of `tokens` → `1,000 tokens`. */
export function formatAmount(measure: Measure, amount: string): string {
  if (measure === "usd") return formatUsd(amount);
  return `${formatCount(Number(amount))} ${amount === "1" ? measure.slice(0, -1) : measure}`;
}

/** `$25.00 each day (Europe/Berlin)`. */
export function formatLimit({
  measure,
  amount,
  window,
  time_zone,
}: Pick<Limit, "measure" | "amount" | "window"> & { readonly time_zone?: string }): string {
  const zone = hasTimeZone(window) && time_zone !== undefined ? ` (${time_zone})` : "";
  return `${formatAmount(measure, amount)} ${WINDOW_WORDS[window]}${zone}`;
}
