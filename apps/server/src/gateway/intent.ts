import { limitSeenTexts, type CounterState, type IntentRecord, type Uncounted } from "@tollhouse/store";
import type { Call } from "./call.ts";
import type { ConsideredCall } from "./considered-call.ts";
import { policyFields } from "../policies/policy-decision.ts";
import type { Gateway } from "./gateway.ts";

/** What must be durable before the first upstream byte: whose call it is, and everything that is reserved for it. */
export function intentOf(gateway: Gateway, call: Call): IntentRecord {
  const { decision, identity, facts, price, reservation, states } = call;
  return {
    t: "intent",
    decision,
    timeMs: call.startedMs,
    tenant: identity.tenant,
    environment: identity.environment,
    provider: call.provider,
    model: facts.model,
    endpoint: facts.endpoint,
    stream: facts.stream,
    dimensions: identity.dimensions,
    key: identity.key,
    priceVersion: price === null ? null : gateway.prices.version,
    reservedUsd: reservation.usd.toString(),
    reservedTokens: reservation.tokens.toString(),
    counters: countersOfIntent(call, states),
    ...(states.length > 0 && { limits: limitSeenTexts(states) }),
    ...policyFields(call),
    ...(call.uncounted !== undefined && { uncounted: true as const }),
  };
}

/** The counters that a call holds on, or will be counted on. */
export function countersOfIntent(
  { uncounted }: ConsideredCall,
  states: readonly CounterState[],
): IntentRecord["counters"] {
  return uncounted === undefined ? states.map(countedOn) : uncounted.counters.map(uncountedOn);
}

function countedOn({ limit, window }: CounterState): IntentRecord["counters"][number] {
  return { limit: limit.id, window: window.id, measure: limit.measure };
}

function uncountedOn({ limit, windowId }: Uncounted["counters"][number]): IntentRecord["counters"][number] {
  return { limit: limit.id, window: windowId, measure: limit.measure };
}
