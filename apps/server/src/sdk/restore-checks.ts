import { limitOfSeenText, type IntentRecord, type OpenCall } from "@tollhouse/store";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { OpenChecks } from "./open-checks.ts";
import { sdkFacts } from "./sdk-facts.ts";

/**
 * Checks that a stopped process left open hold again what they held, in the windows they were made in, until they are recorded or their
 * time is over. To be called before the first call is admitted.
 */
export function restoreChecks(gateway: Gateway, checks: OpenChecks, left: readonly OpenCall[]): void {
  for (const { intent, reservedUsd: usd, reservedTokens: tokens } of left) {
    const { decision, timeMs, expiresMs = timeMs } = intent;
    const call = callOfIntent(gateway, intent);
    gateway.countersOf(intent.tenant).restore(decision, call.limits, { usd, tokens, requests: 1n }, timeMs);
    checks.add({ decision, call, expiresMs, usd, tokens });
  }
}

/** A call of a process before: what its intent says of it, without price and estimate. */
export function callOfIntent(gateway: Gateway, intent: IntentRecord): ConsideredCall {
  const { decision, tenant, environment, provider, model, endpoint, dimensions, key, timeMs } = intent;
  const snapshot = gateway.limits({ tenant, environment });
  // Limits of policies, and the default budget of a session, are no limits of their own: the intent says what they were.
  const limits = (intent.limits ?? []).map(limitOfSeenText).map((limit) => snapshot.byId(limit.id) ?? limit);
  return {
    decision,
    startedMs: timeMs,
    provider,
    identity: { tenant, environment, dimensions, key, grant: null, ignored: [], passThrough: null },
    facts: sdkFacts({ endpoint, model, inputTokensMax: 0, outputTokensMax: null, tier: null }),
    price: null,
    priced: intent.priceVersion !== null,
    // Nothing reads it of a call that was decided.
    estimate: null!,
    limits,
    // No snapshot has it: what came into force meanwhile is looked for.
    snapshotVersion: -1,
    rateTokens: 0,
  };
}
