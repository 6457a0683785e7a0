import type { AnomalyRule } from "@tollhouse/contract/control-client";
import { formatCount, formatUsd } from "../../parts/format.ts";

/** What a rule looks for, in a sentence. */
export function thresholdInWords({ kind, per, threshold, window_seconds }: AnomalyRule): string {
  const within = `within ${duration(window_seconds)}`;
  switch (kind) {
    case "loop":
      return `${formatCount(Number(threshold))} calls that are alike, of one ${per}, ${within}`;
    case "burst":
      return `${formatCount(Number(threshold))} calls of one ${per} ${within}`;
    case "velocity":
      return `${formatUsd(threshold)} a minute by one ${per}, looked at over ${duration(window_seconds)}`;
  }
}

export function actionInWords({ action, freeze_seconds }: AnomalyRule): string {
  switch (action) {
    case "alert":
      return "the call goes on, and its entry says so";
    case "block":
      return "the call is refused";
    case "freeze":
      return freeze_seconds === null
        ? "refused, and the session is frozen until somebody unfreezes it"
        : `refused, and the session is frozen for ${duration(freeze_seconds)}`;
  }
}

export function duration(seconds: number): string {
  if (seconds % 3_600 === 0) return seconds === 3_600 ? "an hour" : `${seconds / 3_600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "a minute" : `${seconds / 60} minutes`;
  return `${seconds} seconds`;
}
