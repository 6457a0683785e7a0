import type { AdminRecord, BlockedRecord, IntentRecord, OutcomeRecord } from "../spool/records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";

/** Records for tests and benchmarks: call `n`, whole and plausible; override what the case is about. */
export function sampleIntent(n: number, over: Partial<IntentRecord> = {}): IntentRecord {
  return {
    t: "intent",
    decision: sampleDecision(n),
    timeMs: Date.UTC(2026, 10, 21, 6, 30) + n,
    tenant: DEFAULT_TENANT,
    environment: "prod",
    provider: "openai",
    model: "gpt-4o-mini",
    endpoint: "chat_completions",
    stream: false,
    dimensions: { session: `run-${n % 10}`, agent: "sdr-agent", user: `user-${n % 7}`, team: "sales" },
    key: "key_1",
    priceVersion: "2026-11-01",
    reservedUsd: "1000",
    reservedTokens: "500",
    counters: [
      { limit: "lim_org", window: "2026-11-21T00:00Z", measure: "usd" },
      { limit: `lim_run_${n % 10}`, window: "lifetime", measure: "tokens" },
      { limit: "lim_calls", window: "2026-11-21T06:00Z", measure: "requests" },
    ],
    ...over,
  };
}

export function sampleOutcome(n: number, over: Partial<OutcomeRecord> = {}): OutcomeRecord {
  return {
    t: "outcome",
    decision: sampleDecision(n),
    timeMs: Date.UTC(2026, 10, 21, 6, 30) + n + 800,
    end: "settled",
    status: 200,
    reason: null,
    usage: { input: 100, input_cache_read: 20, output: 64 },
    source: "reported",
    cost: "564",
    servedModel: "gpt-4o-mini-2024-07-18",
    tier: null,
    providerId: `chatcmpl-${n}`,
    doubt: null,
    deltas: ["564", "184", "1"],
    late: [],
    latencyMs: 800,
    ...over,
  };
}

export function sampleBlocked(n: number, over: Partial<BlockedRecord> = {}): BlockedRecord {
  const { timeMs, tenant, environment, provider, model, endpoint, dimensions, key, decision } = sampleIntent(n);
  const call = { decision, timeMs, tenant, environment, provider, model, endpoint, dimensions, key };
  return { t: "blocked", ...call, reason: "BUDGET_EXCEEDED", limit: "lim_org", ...over };
}

export function sampleAdmin(n: number, over: Partial<AdminRecord> = {}): AdminRecord {
  return {
    t: "admin",
    id: sampleDecision(n),
    timeMs: Date.UTC(2026, 10, 21, 6, 30) + n,
    tenant: DEFAULT_TENANT,
    environment: "prod",
    actor: "key_admin",
    action: "limit.create",
    subject: "lim_org",
    before: null,
    after: '{"amount":"25.00"}',
    ...over,
  };
}

export function sampleDecision(n: number): string {
  return n.toString(16).padStart(32, "0").replace(/^0/, "a");
}
