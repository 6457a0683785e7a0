import {
  outputTokensOf,
  tokensOf,
  type Endpoint,
  type ReasonCode,
  type Usage,
  type UsageReport,
  type UsageSource,
} from "@tollhouse/contract";
import type { Amounts } from "@tollhouse/engine";
import type { CounterDelta } from "@tollhouse/store";
import { correctTokenRate } from "../keys/key-rules.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { measure, type Measured } from "./measure-usage.ts";
import { priceUsage, type Priced } from "./price-usage.ts";
import { recordOutcome } from "./record-outcome.ts";
import { profileKey } from "./reserve-call.ts";

/** How the upstream part of a call ended. */
export interface End {
  /** Status the provider answered; null = it did not. */
  readonly status: number | null;
  /** Why Tollhouse ended or failed it; null = it went through. */
  readonly reason: ReasonCode | null;
  /** True only where provably nothing can be billed. */
  readonly unbilled: boolean;
  /** The provider said that it failed (500, 529): it may bill what it had read, and made no answer. */
  readonly failedBeforeOutput?: boolean;
  /** The provider's own numbers, where it gave them. */
  readonly report: UsageReport | null;
  /** The input side alone, where only that was told (Anthropic's first frame). */
  readonly partial: UsageReport | null;
  /** Output tokens counted in the stream; null = nothing could be counted. */
  readonly outputCounted: number | null;
}

export interface Settled {
  readonly cost: bigint | null;
  readonly usage: Usage;
  readonly source: UsageSource;
}

/** A million dollars. No call costs that; a few reports near the int64 edge would overflow the sums of the ledger's roll-ups. */
const COST_MAX = 1_000_000n * 1_000_000_000n;
const NO_USAGE: Usage = {};
const NO_DELTAS: readonly CounterDelta[] = [];

/**
 * Ends a call that has an intent, exactly once: usage → cost → outcome in the spool → counters. The caller makes sure that it is
 * called once; both stores are idempotent all the same.
 */
export async function settleCall(gateway: Gateway, call: Call, end: End): Promise<Settled> {
  if (isLookup(call.facts.endpoint)) {
    gateway.countersOf(call.identity.tenant).release(call.decision);
    correctTokenRate(gateway, call, 0);
    return { cost: null, usage: NO_USAGE, source: "reported" };
  }
  if (end.unbilled) {
    gateway.countersOf(call.identity.tenant).release(call.decision);
    correctTokenRate(gateway, call, 0);
    recordOutcome(gateway, call, end, {
      end: "released",
      usage: NO_USAGE,
      source: "reported",
      cost: 0n,
      deltas: NO_DELTAS,
    });
    return { cost: 0n, usage: NO_USAGE, source: "reported" };
  }
  const measured = await measureAndPrice(gateway, call, end);
  const used: Amounts = { usd: measured.charged, tokens: BigInt(tokensOf(measured.usage)), requests: 1n };
  const deltas = gateway.countersOf(call.identity.tenant).settle(call.decision, used);
  correctTokenRate(gateway, call, Number(used.tokens));
  recordOutcome(gateway, call, end, { end: "settled", ...measured, deltas, used });
  const output = outputTokensOf(measured.usage);
  if (measured.source === "reported" && output > 0)
    gateway.profile.learn(profileKey(call), output, performance.now() - call.sentAt);
  return { cost: measured.cost, usage: measured.usage, source: measured.source };
}

type MeasuredAndPriced = Measured & Priced;

/** Numbers that cannot be counted with (a provider that reports more than an int64) must not leave a call without its end. */
async function measureAndPrice(gateway: Gateway, call: Call, end: End): Promise<MeasuredAndPriced> {
  try {
    const measured = await measure(gateway, call, end);
    const priced = priceUsage(gateway, call, end, measured);
    if (priced.charged < 0n || priced.charged > COST_MAX)
      throw new RangeError(`a cost of ${priced.charged} nano-dollars was reported`);
    return { ...measured, ...priced };
  } catch (error) {
    gateway.failed(error);
    const { usd, outputTokens } = call.reservation;
    return {
      usage: { input: Number(call.estimate.inputTokens), output: Math.max(0, outputTokens) },
      source: "estimated",
      cost: call.priced ? usd : null,
      charged: usd,
      doubt: "what was reported cannot be counted with: settled at what was reserved",
    };
  }
}

/** Not a use of a model: decided and passed on, but neither reserved nor recorded. */
export function isLookup(endpoint: Endpoint): boolean {
  return endpoint === "models" || endpoint === "count_tokens";
}
