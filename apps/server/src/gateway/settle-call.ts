import {
  INPUT_CLASSES,
  outputTokensOf,
  tokensOf,
  type Endpoint,
  type ReasonCode,
  type Usage,
  type UsageClass,
  type UsageReport,
  type UsageSource,
} from "@tollhouse/contract";
import { rate, rateReport, type Amounts, type Limit } from "@tollhouse/engine";
import type { Refusal } from "@tollhouse/providers";
import {
  limitSeenTexts,
  type BlockedRecord,
  type CounterDelta,
  type CounterState,
  type OutcomeRecord,
} from "@tollhouse/store";
import { correctTokenRate } from "../keys/key-rules.ts";
import type { Call } from "./call.ts";
import { matchOf } from "./considered-call.ts";
import type { Gateway } from "./gateway.ts";
import type { RefusalInput } from "./refusal.ts";
import { inputLikely, profileKey } from "./reserve-call.ts";

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
    gateway.counters.release(call.decision);
    correctTokenRate(gateway, call, 0);
    return { cost: null, usage: NO_USAGE, source: "reported" };
  }
  if (end.unbilled) {
    gateway.counters.release(call.decision);
    correctTokenRate(gateway, call, 0);
    record(gateway, call, end, { end: "released", usage: NO_USAGE, source: "reported", cost: 0n, deltas: NO_DELTAS });
    return { cost: 0n, usage: NO_USAGE, source: "reported" };
  }
  const measured = await measureAndPrice(gateway, call, end);
  const used: Amounts = { usd: measured.charged, tokens: BigInt(tokensOf(measured.usage)), requests: 1n };
  const deltas = gateway.counters.settle(call.decision, used);
  correctTokenRate(gateway, call, Number(used.tokens));
  record(gateway, call, end, { end: "settled", ...measured, deltas, used });
  const output = outputTokensOf(measured.usage);
  if (measured.source === "reported" && output > 0)
    gateway.profile.learn(profileKey(call), output, performance.now() - call.sentAt);
  return { cost: measured.cost, usage: measured.usage, source: measured.source };
}

type MeasuredAndPriced = Measured & Priced;

/** Numbers that cannot be counted with (a provider that reports more than an int64) must not leave a call without its end. */
async function measureAndPrice(gateway: Gateway, call: Call, end: End): Promise<MeasuredAndPriced> {
  try {
    const measured = end.report === null ? await measureWithoutReport(gateway, call, end) : measureReport(end.report);
    const priced = priceOf(gateway, call, end, measured);
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

interface Measured {
  readonly usage: Usage;
  readonly source: UsageSource;
}

function measureReport(report: UsageReport): Measured {
  return { usage: report.usage, source: "reported" };
}

/**
 * The provider did not say. What was seen is counted; what could not be seen stands at what was reserved for it: unknown is
 * never zero, and bytes that left may have been billed.
 */
async function measureWithoutReport(gateway: Gateway, call: Call, end: End): Promise<Measured> {
  const { facts, estimate } = call;
  const usage: { -readonly [K in UsageClass]?: number } = {};
  // A unit without a bound (refused under a hard budget) cannot be guessed: the entry is in doubt, see priceOf.
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

interface Priced {
  readonly cost: bigint | null;
  /** What the counters are settled by. */
  readonly charged: bigint;
  readonly doubt: string | null;
  /** Of the amount: a reported usage that cannot be rated leaves an estimate. */
  readonly source: UsageSource;
}

/** A cost that cannot be rated stands at what was reserved; where nothing could be (no price at all), it is unknown. */
function priceOf(gateway: Gateway, call: Call, end: End, measured: Measured): Priced {
  const report = end.report ?? end.partial;
  const doubt = report?.doubt ?? doubtOf(call, end);
  const { facts, provider, startedMs, price, reservation } = call;
  const { source } = measured;
  if (end.report !== null && end.report.costNano !== null)
    return { cost: end.report.costNano, charged: end.report.costNano, doubt, source };
  // Priced by what the answer says served it (model, tier, place); where it is silent, by what was asked for.
  const servedModel = report?.model ?? facts.model;
  const row =
    servedModel === facts.model || facts.free
      ? price
      : (gateway.prices.find(provider, servedModel, startedMs) ?? price);
  const cost =
    row === null
      ? null
      : end.report === null
        ? rate(measured.usage, row, { tier: report?.tier ?? facts.tier, geo: report?.geo ?? facts.geo })
        : rateReport(end.report, facts, row);
  if (cost !== null) return { cost, charged: cost, doubt, source };
  if (!call.priced) return { cost: null, charged: 0n, doubt, source };
  return {
    source: "estimated",
    cost: reservation.usd,
    charged: reservation.usd,
    doubt: doubt ?? "a class or tier of the answer has no price: settled at what was reserved",
  };
}

function doubtOf(call: Call, end: End): string | null {
  if (end.report !== null || call.estimate.bounded) return null;
  return `used without bound, and not reported: ${call.estimate.unboundedUnits.join(", ")}`;
}

interface Recorded extends Measured {
  readonly end: "settled" | "released";
  readonly cost: bigint | null;
  readonly deltas: readonly CounterDelta[];
  readonly doubt?: string | null;
  readonly used?: Amounts;
}

function record(gateway: Gateway, call: Call, end: End, what: Recorded): void {
  const latencyMs = performance.now() - call.startedAt;
  const report = end.report ?? end.partial;
  const outcome: OutcomeRecord = {
    t: "outcome",
    decision: call.decision,
    timeMs: gateway.now(),
    end: what.end,
    status: end.status,
    reason: end.reason,
    usage: what.usage,
    source: what.source,
    cost: what.cost === null ? null : what.cost.toString(),
    servedModel: clip(report?.model ?? null, 256),
    tier: clip(report?.tier ?? null, 64),
    providerId: clip(report?.providerId ?? null, 256),
    doubt: clip(what.doubt ?? null, 1024),
    deltas: what.deltas.map((delta) => delta.amount.toString()),
    late: what.used === undefined ? [] : lateDeltas(gateway, call, what.used),
    latencyMs: Math.round(latencyMs),
  };
  if (what.used !== undefined && gateway.tap.open)
    gateway.tap.push({
      decision: call.decision,
      tenant: call.identity.tenant,
      environment: call.identity.environment,
      call: { ...matchOf(call), model: call.facts.model },
      startedMs: call.startedMs,
      used: what.used,
    });
  // An outcome is never refused: it waits for the disk if it must. Only a closed spool has no place for it, and then the intent stands.
  gateway.spool.append(outcome).catch((error: unknown) => gateway.failed(error));
  gateway.ended({
    decision: call.decision,
    timeMs: outcome.timeMs,
    tenant: call.identity.tenant,
    environment: call.identity.environment,
    dimensions: call.identity.dimensions,
    provider: call.provider,
    model: call.facts.model,
    outcome: what.end,
    reason: end.reason,
    status: end.status,
    estimatedCost: call.reservation.usd,
    cost: what.cost,
    usage: what.usage,
    source: what.source,
    latencyMs,
    // A client that left before anything was sent: all of it was ours.
    overheadMs: call.sentAt === 0 ? latencyMs : call.sentAt - call.startedAt,
    doubt: outcome.doubt,
  });
}

/** A provider's texts are bounded before they become fields of a ledger entry. */
function clip(text: string | null, lengthMax: number): string | null {
  return text === null || text.length <= lengthMax ? text : text.slice(0, lengthMax);
}

/** Limits that came into force while the call ran count it too, though they could not refuse it. */
function lateDeltas(gateway: Gateway, call: Call, used: Amounts): OutcomeRecord["late"] {
  const snapshot = gateway.limits(call.identity);
  if (snapshot.version === call.snapshotVersion || call.facts.free) return [];
  const known = new Set(call.limits.map((limit) => limit.id));
  return snapshot
    .match({ ...matchOf(call), model: call.facts.model })
    .filter((limit) => !known.has(limit.id))
    .map((limit) => {
      const delta = gateway.counters.add(limit, call.startedMs, used[limit.measure]);
      return { limit: delta.limitId, window: delta.windowId, amount: delta.amount.toString() };
    });
}

/** The limit that refused as it stood then, the others as they stand now. */
function limitsOfRefused(gateway: Gateway, call: Call, by: RefusalInput["by"]): string[] {
  const read = (limit: Limit): CounterState => gateway.counters.read(limit, call.startedMs);
  return limitSeenTexts(call.limits.map((limit) => (by && limit.id === by.by.limit.id ? by.by : read(limit))));
}

/** One record and one log line of a call that was refused before its intent. */
export function recordBlocked(gateway: Gateway, call: Call, refusal: Refusal, by: RefusalInput["by"] = null): void {
  const identity = call.identity ?? null;
  const provider = call.provider;
  const model = call.facts?.model ?? "";
  const tenant = identity?.tenant ?? gateway.identity.tenant;
  const environment = identity?.environment ?? gateway.identity.environment;
  const dimensions = identity?.dimensions ?? {};
  const limit = (refusal.tollhouse["limit"] as { id: string } | undefined)?.id ?? null;
  const blocked: BlockedRecord = {
    t: "blocked",
    decision: call.decision,
    timeMs: gateway.now(),
    tenant,
    environment,
    provider,
    model,
    endpoint: call.route.endpoint,
    dimensions,
    key: identity?.key ?? null,
    reason: refusal.code,
    limit,
    ...(call.limits.length > 0 && { limits: limitsOfRefused(gateway, call, by) }),
    ...(by && { required: by.required.toString() }),
  };
  // A spool that takes no more refuses these too; the log line and the counters of refusals still say it.
  gateway.spool.append(blocked).catch(() => undefined);
  gateway.ended({
    decision: call.decision,
    timeMs: blocked.timeMs,
    tenant,
    environment,
    dimensions,
    provider,
    model,
    outcome: "blocked",
    reason: refusal.code,
    status: refusal.row.status,
    estimatedCost: null,
    cost: null,
    usage: NO_USAGE,
    source: "unknown",
    latencyMs: performance.now() - call.startedAt,
    overheadMs: performance.now() - call.startedAt,
    doubt: null,
  });
}
