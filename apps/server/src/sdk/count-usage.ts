import { inputTokensOf, outputTokensOf, tokensOf, type Usage } from "@tollhouse/contract";
import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta, Counters, UsageRecord } from "@tollhouse/store";
import { matchAndPrice } from "../gateway/consider-call.ts";
import { matchOf, type ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { correctTokenRate } from "../keys/key-rules.ts";
import { lateCounted, policyRules } from "../policies/policy-rules.ts";
import type { OpenCheck } from "./open-checks.ts";
import type { RecordedCall, RecordParts } from "./read-record.ts";

/** What one record counts, and what it costs. */
export interface Counted {
  readonly decision: string;
  readonly usage: Usage;
  readonly charged: bigint;
}

/** What is older counts in the windows of an hour ago: those before it may be gone. */
const COUNTED_BACK_MS = 3_600_000;

/** Nothing was used: what the check held is free again. */
export function releaseCheck({ gateway, checks }: RecordParts, check: OpenCheck | null): void {
  if (check === null) return;
  checks.take(check);
  countersHolding(gateway, check).release(check.decision);
  correctTokenRate(gateway, check.call, 0);
}

/** Settles the check, or counts without one, on every limit that applies. All of it in the turn in which it is called. */
export function countUsage(parts: RecordParts, call: RecordedCall, counted: Counted): UsageRecord["counters"] {
  const { gateway } = parts;
  const used: Amounts = { usd: counted.charged, tokens: BigInt(tokensOf(counted.usage)), requests: 1n };
  const counters = gateway.countersOf(call.identity.tenant);
  const nowMs = gateway.now();
  const countedMs = call.check?.call.startedMs ?? Math.max(call.atMs, nowMs - COUNTED_BACK_MS);
  const deltas: CounterDelta[] = call.check === null ? [] : settle(parts, call.check, used);
  for (const limit of call.check === null ? limitsOf(gateway, call, counted) : limitsSince(gateway, call.check.call)) {
    deltas.push(counters.add(limit, countedMs, used[limit.measure], counted.decision));
    // Turns the counter back to the window of now.
    counters.read(limit, nowMs);
  }
  const { identity, provider, facts } = call;
  if (gateway.tap.open)
    gateway.tap.push({
      decision: counted.decision,
      tenant: identity.tenant,
      environment: identity.environment,
      call: { ...matchOf({ identity, provider }), model: facts.model },
      startedMs: countedMs,
      used,
    });
  return deltas.map((delta) => ({ limit: delta.limitId, window: delta.windowId, amount: delta.amount.toString() }));
}

function settle({ gateway, checks }: RecordParts, check: OpenCheck, used: Amounts): CounterDelta[] {
  checks.take(check);
  const deltas = [...countersHolding(gateway, check).settle(check.decision, used)];
  correctTokenRate(gateway, check.call, Number(used.tokens));
  return deltas;
}

function countersHolding(gateway: Gateway, { call, decision, usd, tokens, elsewhere }: OpenCheck): Counters {
  const counters = gateway.countersOf(call.identity.tenant);
  if (elsewhere === true) counters.restore(decision, call.limits, { usd, tokens, requests: 1n }, call.startedMs);
  return counters;
}

/** Limits that came into force since the call was decided. */
export function limitsSince(gateway: Gateway, call: ConsideredCall): readonly Limit[] {
  const snapshot = gateway.limits(call.identity);
  if (call.facts.free) return [];
  const known = new Set(call.limits.map((limit) => limit.id));
  const late =
    snapshot.version === call.snapshotVersion ? [] : snapshot.match({ ...matchOf(call), model: call.facts.model });
  return [...late, ...lateCounted(gateway, call)].filter((limit) => !known.has(limit.id));
}

/** All that would have held a call of this usage; what would have refused it is asked for nothing: it has happened. */
function limitsOf(gateway: Gateway, call: RecordedCall, { decision, usage }: Counted): readonly Limit[] {
  const { identity, provider, facts, atMs } = call;
  const considered: ConsideredCall = {
    decision,
    startedMs: atMs,
    provider,
    identity,
    facts: { ...facts, inputTokensMax: inputTokensOf(usage), outputTokensMax: outputTokensOf(usage) },
    price: null,
    priced: false,
    // Set by matchAndPrice.
    estimate: null!,
    limits: [],
    snapshotVersion: 0,
    rateTokens: 0,
  };
  policyRules(gateway, considered, matchAndPrice(gateway, considered), true);
  return considered.limits;
}
