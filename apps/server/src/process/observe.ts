import { inputTokensOf, outputTokensOf } from "@tollhouse/contract";
import type { EndedCall } from "../gateway/ended-call.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

/** One log line and the metrics of each call, blocked ones included. */
export function createObserver(logger: Logger, metrics: Metrics): (call: EndedCall) => void {
  return (call) => {
    const known = call.source !== "unknown";
    const overrun = call.cost !== null && call.estimatedCost !== null ? call.cost - call.estimatedCost : 0n;
    metrics.callEnded({
      provider: call.provider,
      model: call.model,
      outcome: call.outcome,
      reasonCode: call.reason,
      usage: call.usage,
      costNano: call.cost,
      overrunNano: overrun > 0n ? overrun : 0n,
      overheadMs: call.overheadMs,
    });
    logger.call({
      timeMs: call.timeMs,
      requestId: `req_${call.decision}`,
      decisionId: `dec_${call.decision}`,
      tenant: call.tenant,
      environment: call.environment,
      sessionId: call.dimensions.session ?? null,
      user: call.dimensions.user ?? null,
      feature: call.dimensions.feature ?? null,
      provider: call.provider,
      model: call.model,
      estimatedCost: call.estimatedCost,
      actualCost: call.cost,
      inputTokens: known ? inputTokensOf(call.usage) : null,
      outputTokens: known ? outputTokensOf(call.usage) : null,
      usageSource: call.outcome === "blocked" ? null : call.source,
      decision: call.outcome === "blocked" ? "block" : "allow",
      reasonCode: call.reason,
      latencyMs: call.latencyMs,
      overheadMs: call.overheadMs,
      error: call.doubt,
    });
  };
}
