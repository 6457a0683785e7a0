import { WINDOWS, type WindowKind } from "@tollhouse/contract";
import type { Limit } from "./limit.ts";

const SHORT_TO_LONG: readonly WindowKind[] = ["minute", "hour", "day", "rolling_24h", "month", "lifetime"];
const WINDOW_RANK = new Map(WINDOWS.map((kind) => [kind, SHORT_TO_LONG.indexOf(kind)]));

/** Order of the limits of one scope: hard first, then from the shortest window to the longest, then by id. */
export function compareLimits(a: Limit, b: Limit): number {
  if (a.mode !== b.mode) return a.mode === "hard" ? -1 : 1;
  const byWindow = (WINDOW_RANK.get(a.window) ?? 0) - (WINDOW_RANK.get(b.window) ?? 0);
  if (byWindow !== 0) return byWindow;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
