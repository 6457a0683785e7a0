import { randomUUIDv7 } from "node:crypto";
import type { LimitState, ReasonCode, SdkCheck } from "@tollhouse/contract";
import { formatNano, parseUsd, sliceAmounts, type Amounts, type Limit } from "@tollhouse/engine";
import {
  CountersUnavailable,
  limitSeenTexts,
  type CounterState,
  type IntentRecord,
  type Refused,
  type ReserveResult,
} from "@tollhouse/store";
import { anomalyRefusal } from "../anomalies/anomaly-refusal.ts";
import { refusedByBlock } from "../blocks/block-refusal.ts";
import { considerRules } from "../gateway/consider-call.ts";
import type { BlockedCall } from "../gateway/considered-call.ts";
import { estimateCall, estimateUnpriced } from "../gateway/estimate-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Identity } from "../gateway/identify.ts";
import { countersOfIntent } from "../gateway/intent.ts";
import { admitUnread } from "../gateway/limits-unavailable.ts";
import {
  buildRefusal,
  exceededCode,
  exceededMessage,
  formatMeasure,
  limitState,
  type RefusalInput,
} from "../gateway/refusal.ts";
import { inputBound, profileKey } from "../gateway/reserve-call.ts";
import { recordBlocked } from "../gateway/record-blocked.ts";
import { Problem } from "../control/problem.ts";
import { correctTokenRate } from "../keys/key-rules.ts";
import { policyFields } from "../policies/policy-decision.ts";
import { policyRules } from "../policies/policy-rules.ts";
import type { AdapterOf } from "./adapters.ts";
import type { OpenChecks } from "./open-checks.ts";
import { sdkFacts, textsIn, usualEndpoint } from "./sdk-facts.ts";
import { tightestOf } from "../gateway/tightest-limit.ts";

export interface CheckParts {
  readonly gateway: Gateway;
  readonly adapterOf: AdapterOf;
  readonly checks: OpenChecks;
}

/** product.md §3's `tollhouse` object, with what the call was taken to need. */
export interface CheckAnswer {
  readonly allowed: boolean;
  readonly decision_id: string;
  readonly reason_code: ReasonCode | null;
  readonly message: string | null;
  readonly estimate: { readonly cost: string | null; readonly input_tokens: number; readonly output_tokens: number };
  readonly limit: LimitNamed | null;
  readonly limit_state: (LimitState & { readonly limit: string }) | null;
  readonly retry_after: number | null;
  readonly reservation: Held | null;
  readonly ignored: readonly string[];
}

interface Held {
  readonly id: string;
  /** US dollars, and tokens. */
  readonly amount: string;
  readonly tokens: number;
  readonly expires_at: string;
}

export type LimitNamed = Pick<Limit, "id" | "scope" | "measure" | "window" | "mode">;

type CheckedCall = BlockedCall;
type Blocked = Omit<RefusalInput, "decision">;

interface Needs {
  readonly amounts: Amounts;
  readonly outputTokens: number;
}

/** Only a check that would be refused otherwise waits for it. */
const COUNT_DEADLINE_MS = 5_000;
/** Bytes that a provider adds around a text at most, counted as tokens: as its request would be. */
const TEXT_FRAMING = 64;

/**
 * A decision for a call that somebody else makes: the steps of the gateway's, in the same order. With `reserve` it holds until the
 * usage is recorded or its time is over; without, it looks, and nothing is held.
 */
export async function checkCall(parts: CheckParts, identity: Identity, said: SdkCheck): Promise<CheckAnswer> {
  const { gateway, checks } = parts;
  const call = begin(parts, identity, said);
  const blocked = await consider(parts, call, said);
  // Steps 2 and 3 stop a call before it is estimated.
  const estimated = (call.estimate as CheckedCall["estimate"] | null) !== null;
  if (blocked !== null) return refuse(gateway, call, estimated ? needsOf(gateway, call, said) : null, blocked);
  if (said.reserve && checks.fullFor(identity.tenant))
    throw new Problem("OVERLOADED", "Too many checks are open on this node");
  let needs = needsOf(gateway, call, said);
  let result = await look(gateway, call, needs.amounts, said.reserve);
  if ("by" in result && (await countInput(parts, call, said))) {
    needs = needsOf(gateway, call, said);
    result = await look(gateway, call, needs.amounts, said.reserve);
  }
  if ("code" in result) return refuse(gateway, call, needs, result);
  if (result.outcome === "refused") return refuse(gateway, call, needs, exceeded(result));
  // What was stopped while its input was counted is stopped.
  const late = refusedByBlock(gateway, call);
  if (late !== null) {
    gateway.countersOf(identity.tenant).release(call.decision);
    return refuse(gateway, call, needs, late);
  }
  const { states } = result;
  const reservation = said.reserve ? await hold(parts, call, said, needs, states) : null;
  return allow(call, needs, reservation, states);
}

/** Steps 2 to 8. What a cap refused by the bytes of its input is looked at once more by its tokens. */
async function consider(parts: CheckParts, call: CheckedCall, said: SdkCheck): Promise<Blocked | null> {
  const { gateway } = parts;
  let blocked = considerRules(gateway, call);
  const { policy = null } = call;
  if (blocked !== null && policy?.recount === true && (await countInput(parts, call, said)))
    blocked = policyRules(gateway, call, policy.matched, true);
  return blocked ?? anomalyRefusal(gateway, call);
}

function begin({ gateway, adapterOf }: CheckParts, identity: Identity, said: SdkCheck): CheckedCall {
  const endpoint = said.endpoint ?? usualEndpoint(adapterOf(said.provider).dialect);
  return {
    decision: randomUUIDv7().replaceAll("-", ""),
    startedMs: gateway.now(),
    startedAt: performance.now(),
    provider: said.provider,
    route: { endpoint },
    identity,
    facts: sdkFacts({
      endpoint,
      model: said.model,
      inputTokensMax: said.input_tokens ?? byteBound(said.input),
      outputTokensMax: said.max_output_tokens ?? null,
      tier: said.service_tier ?? null,
    }),
    price: null,
    priced: false,
    // Set by considerRules before anything reads it; a call that is stopped earlier has none.
    estimate: null!,
    limits: [],
    snapshotVersion: 0,
    rateTokens: 0,
    // Written out only where a rule compares requests. Named by its size alone, nobody knows what it is the same as.
    get fingerprint() {
      return said.input === undefined ? null : JSON.stringify(said.input);
    },
  };
}

function byteBound(input: unknown): number {
  return textsIn(input).reduce((sum, text) => sum + Buffer.byteLength(text) + TEXT_FRAMING, TEXT_FRAMING);
}

/**
 * With an output cap, all that the call can cost; without one, what such calls usually make (docs/adr/0010): nobody here can stop the
 * call at an amount, and its model's own maximum would refuse work that can be paid. The caller's own cost stands where it names one.
 */
function needsOf(gateway: Gateway, call: CheckedCall, said: SdkCheck): Needs {
  const { estimate } = call;
  const usual = gateway.profile.slice(profileKey(call));
  // A policy's output cap is in the facts as if the caller had named it.
  const capped = call.facts.outputTokensMax !== null;
  const outputTokens = capped ? estimate.outputTokensMax : Math.min(estimate.outputTokensMax, usual);
  const amounts = sliceAmounts(estimate, outputTokens);
  const usd = said.estimated_cost === undefined ? amounts.usd : parseUsd(said.estimated_cost);
  return { amounts: { ...amounts, usd }, outputTokens };
}

/** `reserved`: it fits, and with `reserve` is held. Blocked: its limits cannot be read. */
async function look(
  gateway: Gateway,
  call: CheckedCall,
  amounts: Amounts,
  reserve: boolean,
): Promise<ReserveResult | Blocked> {
  const counters = gateway.countersOf(call.identity.tenant);
  try {
    if (reserve) return await counters.reserve(call.decision, call.limits, amounts, call.startedMs);
    return fitsInto(await counters.look(call.limits, call.startedMs), amounts);
  } catch (error) {
    if (!(error instanceof CountersUnavailable)) throw error;
    const admitted = admitUnread(gateway, call, amounts);
    if ("code" in admitted) return admitted;
    if (reserve) call.uncounted = admitted;
    // Nothing is asked for that would be held.
    else counters.release(call.decision);
    return admitted;
  }
}

function fitsInto(states: readonly CounterState[], amounts: Amounts): ReserveResult {
  for (const state of states) {
    const required = amounts[state.limit.measure];
    if (state.limit.mode === "hard" && state.settled + state.reserved + required > state.limit.amount)
      return { outcome: "refused", by: state, required };
  }
  return { outcome: "reserved", states };
}

/** Replaces the byte bound of the input by an exact count, where that is lower. False: nothing changed. */
async function countInput({ gateway, adapterOf }: CheckParts, call: CheckedCall, said: SdkCheck): Promise<boolean> {
  if (said.input === undefined) return false;
  const texts = textsIn(said.input);
  const { dialect } = adapterOf(said.provider);
  const counted = await gateway.tokens.count(texts, COUNT_DEADLINE_MS);
  if (counted === null) return false;
  const bound = inputBound(counted, texts, dialect);
  if (bound >= call.facts.inputTokensMax) return false;
  call.estimate = (call.priced ? estimateCall(gateway, call, bound) : null) ?? estimateUnpriced(call, bound);
  return true;
}

/** Durable before it is answered: a check that was told to hold holds after a crash too. */
async function hold(
  parts: CheckParts,
  call: CheckedCall,
  said: SdkCheck,
  needs: Needs,
  states: readonly CounterState[],
): Promise<Held> {
  const { gateway, checks } = parts;
  const { decision, startedMs } = call;
  const expiresMs = startedMs + said.ttl_seconds * 1_000;
  const { usd, tokens } = needs.amounts;
  try {
    await gateway.spool.append(intentOf(gateway, call, needs.amounts, states, expiresMs));
  } catch (error) {
    gateway.countersOf(call.identity.tenant).release(decision);
    correctTokenRate(gateway, call, 0);
    throw error;
  }
  const anomalies = gateway.anomalies(call.identity);
  if (anomalies.watchesSpend && usd > 0n) anomalies.hold(decision, call.identity.dimensions, usd);
  checks.add({ decision, call, expiresMs, usd, tokens });
  return {
    id: `res_${decision}`,
    amount: formatNano(usd),
    tokens: Number(tokens),
    expires_at: new Date(expiresMs).toISOString(),
  };
}

function intentOf(
  gateway: Gateway,
  call: CheckedCall,
  amounts: Amounts,
  states: readonly CounterState[],
  expiresMs: number,
): IntentRecord {
  const { identity, facts, startedMs } = call;
  return {
    t: "intent",
    decision: call.decision,
    timeMs: startedMs,
    tenant: identity.tenant,
    environment: identity.environment,
    provider: call.provider,
    model: facts.model,
    endpoint: facts.endpoint,
    stream: false,
    dimensions: identity.dimensions,
    key: identity.key,
    priceVersion: call.priced ? gateway.prices.version : null,
    reservedUsd: amounts.usd.toString(),
    reservedTokens: amounts.tokens.toString(),
    counters: countersOfIntent(call, states),
    ...(states.length > 0 && { limits: limitSeenTexts(states) }),
    ...policyFields(call),
    ...(call.uncounted !== undefined && { uncounted: true as const }),
    expiresMs,
  };
}

function allow(
  call: CheckedCall,
  needs: Needs,
  reservation: Held | null,
  states: readonly CounterState[],
): CheckAnswer {
  const tightest = tightestOf(states);
  return {
    allowed: true,
    decision_id: `dec_${call.decision}`,
    reason_code: null,
    message: null,
    estimate: estimateOf(call, needs),
    limit: tightest && nameOf(tightest.limit),
    limit_state: tightest && stateOf(tightest),
    retry_after: null,
    reservation,
    ignored: call.identity.ignored,
  };
}

/** One record, one log line; the answer is no error, for the caller asked. */
function refuse(gateway: Gateway, call: CheckedCall, needs: Needs | null, input: Blocked): CheckAnswer {
  const refusal = buildRefusal({ ...input, decision: call.decision });
  correctTokenRate(gateway, call, 0);
  recordBlocked(gateway, call, refusal, input.by);
  const by = input.by?.by ?? null;
  return {
    allowed: false,
    decision_id: `dec_${call.decision}`,
    reason_code: input.code,
    message: input.message,
    estimate: estimateOf(call, needs),
    limit: by && nameOf(by.limit),
    limit_state: by && stateOf(by),
    retry_after: (refusal.tollhouse["retry_after"] as number | null | undefined) ?? null,
    reservation: null,
    ignored: call.identity.ignored,
  };
}

function exceeded(refused: Refused): Blocked {
  return {
    code: exceededCode(refused.by.limit.measure),
    message: exceededMessage(refused.by, refused.required),
    by: refused,
  };
}

/** An unknown price is no cost of zero. */
function estimateOf(call: CheckedCall, needs: Needs | null): CheckAnswer["estimate"] {
  if (needs === null) return { cost: null, input_tokens: call.facts.inputTokensMax, output_tokens: 0 };
  const { usd, tokens } = needs.amounts;
  const known = call.priced || usd > 0n;
  return {
    cost: known ? formatNano(usd) : null,
    input_tokens: Number(tokens) - needs.outputTokens,
    output_tokens: needs.outputTokens,
  };
}

function nameOf({ id, scope, measure, window, mode }: Limit): LimitNamed {
  return { id, scope, measure, window, mode };
}

function stateOf(state: CounterState): LimitState & { readonly limit: string } {
  return { limit: formatMeasure(state.limit.amount, state.limit.measure), ...limitState(state) };
}
