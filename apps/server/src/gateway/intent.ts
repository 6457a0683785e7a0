import { limitSeenTexts, type IntentRecord } from "@tollhouse/store";
import type { Call } from "./call.ts";
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
    counters: states.map(({ limit, window }) => ({ limit: limit.id, window: window.id, measure: limit.measure })),
    ...(states.length > 0 && { limits: limitSeenTexts(states) }),
    ...policyFields(call),
  };
}
