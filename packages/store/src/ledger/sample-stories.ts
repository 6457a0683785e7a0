import type { IntentRecord, OutcomeRecord, SpoolRecord, SweptRecord, UsageRecord } from "../spool/records.ts";
import { RECOVERED_DOUBT } from "../spool/recover.ts";
import { sampleIntent, sampleOutcome } from "./sample-records.ts";

// Calls for a test of corrections: what their own node and another one wrote of each, in every way in which both may end it.

export const STORIES_START = Date.UTC(2026, 10, 29, 22, 10);
export const STORY_STEP_MS = 97_003;

/** What each node wrote of a call, and what it was. */
export interface Story {
  readonly owner: readonly SpoolRecord[];
  readonly other: readonly SpoolRecord[];
  readonly truth: readonly SpoolRecord[];
}

export function intentOf(n: number): IntentRecord {
  const { user, session, agent, team } = sampleIntent(n).dimensions;
  return sampleIntent(n, {
    timeMs: STORIES_START + n * STORY_STEP_MS,
    model: `model-${n % 3}`,
    dimensions: {
      session: session as string,
      agent: agent as string,
      team: team as string,
      ...(n % 5 !== 0 && { user: user as string, customer: `customer-${n % 4}` }),
    },
    reservedUsd: String(2000 + n),
  });
}

function outcomeOf(n: number, over: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const cost = n % 17 === 0 ? null : String(700 + n);
  return sampleOutcome(n, {
    timeMs: STORIES_START + n * STORY_STEP_MS + 800,
    usage: { input: n, output: 3 * n },
    cost,
    deltas: [cost ?? "0", String(4 * n), "1"],
    ...over,
  });
}

export function sweptOf(intent: IntentRecord, over: Partial<SweptRecord> = {}): SweptRecord {
  return {
    t: "swept",
    decision: intent.decision,
    timeMs: intent.timeMs + 40_000,
    startedMs: intent.timeMs,
    tenant: intent.tenant,
    environment: intent.environment,
    intent,
    end: "settled",
    reservedUsd: intent.reservedUsd,
    reservedTokens: intent.reservedTokens,
    counters: intent.counters.map(({ limit, window, measure }) => ({ limit, window, amount: heldOn(intent, measure) })),
    doubt: "its node did not come back",
    ...over,
  };
}

function heldOn({ reservedUsd, reservedTokens }: IntentRecord, measure: "usd" | "tokens" | "requests"): string {
  return measure === "usd" ? reservedUsd : measure === "tokens" ? reservedTokens : "1";
}

function usageOf(n: number, intent: IntentRecord): UsageRecord {
  const { decision, timeMs, tenant, environment, provider, model, endpoint, dimensions, key, priceVersion } = intent;
  const { usage, cost, deltas, status, source, servedModel, tier, providerId } = outcomeOf(n);
  return {
    t: "usage",
    decision,
    timeMs,
    tenant,
    environment,
    provider,
    model,
    endpoint,
    dimensions,
    key,
    priceVersion,
    status,
    usage,
    source,
    cost,
    servedModel,
    tier,
    providerId,
    recordedMs: timeMs + 5_000,
    end: "settled",
    doubt: null,
    latencyMs: null,
    counters: intent.counters.map(({ limit, window }, i) => ({ limit, window, amount: deltas[i] as string })),
    ends: true,
    check: null,
    once: [],
  };
}

export function storyOf(n: number): Story {
  const intent = intentOf(n);
  const check = { ...intent, expiresMs: intent.timeMs + 3_000 };
  const outcome = outcomeOf(n);
  const released: Partial<OutcomeRecord> = { end: "released", usage: {}, cost: "0", deltas: ["0", "0", "0"] };
  const held = outcomeOf(n, {
    usage: { output: Number(intent.reservedTokens) },
    source: "estimated",
    cost: intent.reservedUsd,
    doubt: RECOVERED_DOUBT,
    deltas: intent.counters.map(({ measure }) => heldOn(intent, measure)),
  });
  const own = [intent, outcome];
  switch (n % 9) {
    case 0:
      return { owner: own, other: [], truth: own };
    case 1:
      return { owner: [intent], other: [sweptOf(intent)], truth: [intent, held] };
    case 2:
      return { owner: own, other: [sweptOf(intent)], truth: own };
    case 3:
      // Too young to be in the database: only what the counters held is known.
      return { owner: own, other: [sweptOf(intent, { intent: null })], truth: own };
    case 4:
      return { owner: [intent, held], other: [sweptOf(intent)], truth: [intent, held] };
    case 5:
      return {
        owner: [intent, outcomeOf(n, released)],
        other: [sweptOf(intent)],
        truth: [intent, outcomeOf(n, released)],
      };
    case 6:
      return {
        owner: [check, outcomeOf(n, released)],
        other: [usageOf(n, check)],
        truth: [check, usageOf(n, check)],
      };
    case 7:
      return {
        owner: [check, usageOf(n, check)],
        other: [sweptOf(check, { end: "released", counters: [] })],
        truth: [check, usageOf(n, check)],
      };
    default:
      return {
        owner: [check, outcomeOf(n, released)],
        other: [sweptOf(check, { end: "released", counters: [] })],
        truth: [check, outcomeOf(n, released)],
      };
  }
}
