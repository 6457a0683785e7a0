import type { AnomalyAction, AnomalyKind, AnomalyPer } from "@tollhouse/contract";

/** A rule in force. Immutable; a changed rule is a new object with the same id and a higher version. */
export interface AnomalyRule {
  /** `anr_…` */
  readonly id: string;
  readonly kind: AnomalyKind;
  readonly per: AnomalyPer;
  /** Requests; of `velocity` nano-dollars a minute. The rule triggers when it is reached. */
  readonly threshold: bigint;
  readonly windowSeconds: number;
  readonly action: AnomalyAction;
  /** null = until somebody unfreezes the session. */
  readonly freezeSeconds: number | null;
  readonly version: number;
}

/** The least sum within the window that triggers the rule. */
export function reachOf({ kind, threshold, windowSeconds }: AnomalyRule): bigint {
  if (kind !== "velocity") return threshold;
  // Rounded up: a sum of whole nano-dollars reaches the exact product where it reaches the next whole one.
  return (threshold * BigInt(windowSeconds) + 59n) / 60n;
}
