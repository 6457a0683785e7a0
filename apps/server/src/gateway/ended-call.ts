import type { Dimensions, ReasonCode, Usage, UsageSource } from "@tollhouse/contract";

/** One call as the log line and the metrics see it. Amounts in nano-dollars; null = not known or not reached. */
export interface EndedCall {
  readonly decision: string;
  readonly timeMs: number;
  readonly tenant: string;
  readonly environment: string;
  readonly dimensions: Dimensions;
  readonly provider: string;
  readonly model: string;
  /** `blocked`: refused before an intent. */
  readonly outcome: "settled" | "released" | "blocked";
  readonly reason: ReasonCode | null;
  readonly status: number | null;
  readonly estimatedCost: bigint | null;
  readonly cost: bigint | null;
  readonly usage: Usage;
  readonly source: UsageSource;
  readonly latencyMs: number;
  /** Milliseconds spent in Tollhouse itself before the request went upstream. */
  readonly overheadMs: number;
  readonly doubt: string | null;
}
