import { INPUT_CLASSES, type Usage, type UsageClass, type UsageSource } from "@tollhouse/contract";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { inputLikely } from "./reserve-call.ts";
import type { End } from "./settle-call.ts";

/** What a call used, and who says so. */
export interface Measured {
  readonly usage: Usage;
  readonly source: UsageSource;
}

export async function measure(gateway: Gateway, call: Call, end: End): Promise<Measured> {
  return end.report === null
    ? measureWithoutReport(gateway, call, end)
    : { usage: end.report.usage, source: "reported" };
}

/**
 * The provider did not say. What was seen is counted; what could not be seen stands at what was reserved for it: unknown is
 * never zero, and bytes that left may have been billed.
 */
async function measureWithoutReport(gateway: Gateway, call: Call, end: End): Promise<Measured> {
  const { facts, estimate } = call;
  const usage: { -readonly [K in UsageClass]?: number } = {};
  // A unit without a bound (refused under a hard budget) cannot be guessed: the entry is in doubt, see priceUsage.
  for (const [name, most] of Object.entries(facts.unitsMax) as [UsageClass, number][])
    if (Number.isFinite(most) && end.failedBeforeOutput !== true) usage[name] = most;
  if (end.partial !== null) {
    for (const name of INPUT_CLASSES) {
      const amount = end.partial.usage[name];
      if (amount !== undefined) usage[name] = amount;
    }
  } else {
    usage.input = await inputSeen(gateway, call);
    if (facts.inputImageTokensMax > 0) usage.input_image = facts.inputImageTokensMax;
    if (facts.inputAudioTokensMax > 0) usage.input_audio = facts.inputAudioTokensMax;
  }
  if (end.failedBeforeOutput === true) return { usage, source: "estimated" };
  if (end.outputCounted !== null) {
    // Never above what was reserved: the provider cannot have made more than the call was stopped at.
    const hidden = Math.min(estimate.hiddenTokensMax, call.reservation.outputTokens);
    usage.output = Math.max(0, Math.min(end.outputCounted, call.reservation.outputTokens - hidden));
    if (hidden > 0) usage.output_reasoning = hidden;
    return { usage, source: "counted" };
  }
  usage.output = Math.max(0, call.reservation.outputTokens);
  return { usage, source: usage.output === 0 ? "counted" : "estimated" };
}

async function inputSeen(gateway: Gateway, call: Call): Promise<number> {
  const { facts, target, route, raw } = call;
  const bound = Number(call.estimate.inputTokens) - facts.inputImageTokensMax - facts.inputAudioTokensMax;
  if (facts.inputHidden || route.body !== "json") return bound;
  const adapter = target.upstream.adapter;
  const texts = adapter.inputTexts(route, JSON.parse(raw.toString("utf8")));
  const counted = await gateway.tokens.count(texts, 2_000);
  return counted === null ? bound : Math.min(bound, inputLikely(counted, texts, adapter.dialect));
}
