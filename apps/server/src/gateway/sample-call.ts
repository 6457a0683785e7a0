import { randomUUIDv7 } from "node:crypto";
import {
  DEFAULT_TENANT,
  MemoryCounterStore,
  readSpool,
  SPOOL_START,
  type Spool,
  type SpoolRecord,
} from "@tollhouse/store";
import {
  compilePolicies,
  createLimitSnapshot,
  seededPriceBook,
  type Limit,
  type LimitSnapshot,
  type PriceBook,
} from "@tollhouse/engine";
import { AnomalyMonitor } from "../anomalies/anomaly-monitor.ts";
import { createFingerprint } from "../anomalies/fingerprint.ts";
import { BlockSnapshot } from "../blocks/block-snapshot.ts";
import { SettledTap } from "../limits/settled-tap.ts";
import type { PolicyRules } from "../policies/load-policies.ts";
import { NodeLoad } from "../process/node-load.ts";
import type { TokenCounter } from "../tokens/count-tokens.ts";
import type { Call } from "./call.ts";
import type { EndedCall } from "./ended-call.ts";
import { estimateCall, estimateUnpriced } from "./estimate-call.ts";
import type { Gateway } from "./gateway.ts";
import { createOutputProfile } from "./output-profile.ts";
import { readRequestHeaders } from "./request-headers.ts";
import { RunningCalls } from "./running-calls.ts";
import { createTargetFinder, createUpstream } from "./upstreams.ts";

// A gateway and calls for tests, of real parts: everything but a listener, a provider and a tokenizer's vocabulary.

export const SAMPLE_MS = Date.UTC(2026, 10, 21, 6, 30);

export interface SampleGateway extends Gateway {
  readonly told: EndedCall[];
  readonly failures: unknown[];
  readonly counters: MemoryCounterStore;
  /** The limits in force; a test may change them between two steps of a call. */
  inForce: readonly Limit[];
  /** Without policies, until a test gives it some. */
  rules: PolicyRules;
  /** What is stopped. */
  stopped: BlockSnapshot;
  /** Without rules, and freezes nothing. */
  readonly monitor: AnomalyMonitor;
  version: number;
}

export interface SampleOptions {
  readonly spool: Spool;
  readonly tokens?: TokenCounter;
  readonly prices?: PriceBook;
  /** Where the limits in force come from; else from `inForce` and `version`. */
  readonly limits?: () => LimitSnapshot;
}

/** A token for every four bytes: what English text has, without loading a vocabulary. */
export const fourBytesAToken: TokenCounter = {
  count: (texts) => Promise.resolve(Math.ceil(Buffer.byteLength(texts.join("")) / 4)),
  close: () => Promise.resolve(),
};

/** No count in time: the byte bound stands. */
export const neverCounts: TokenCounter = { count: () => Promise.resolve(null), close: () => Promise.resolve() };

const SEEDED = seededPriceBook();
const NO_PROVIDER_KEYS = { find: () => undefined };

export function sampleGateway(options: SampleOptions): SampleGateway {
  const { spool, tokens = fourBytesAToken, prices = SEEDED, limits } = options;
  const told: EndedCall[] = [];
  const failures: unknown[] = [];
  const place = { tenant: DEFAULT_TENANT, environment: "prod" };
  const counters = new MemoryCounterStore();
  const gateway: SampleGateway = {
    settings: {
      bodyBytesMax: 1024 * 1024,
      bodyTimeoutMs: 60_000,
      drainsMax: 10,
      drainMs: 1_000,
      answerBytesMax: 1024 * 1024,
      failMode: "closed",
    },
    identity: { ...place, auth: "open", strict: false, isAdminKey: () => false, findKey: () => "KEY_INVALID" },
    inForce: [],
    rules: {
      snapshot: compilePolicies([]),
      revision: 1,
      planOf: () => ({ plan: null }),
      idOf: (slot, scope, value) => `lim_${slot} ${scope}:${value}`,
    },
    stopped: BlockSnapshot.of([]),
    version: 1,
    limits:
      limits ??
      (() => createLimitSnapshot({ version: gateway.version, limits: gateway.inForce, defaultSessionBudget: null })),
    blocks: () => gateway.stopped,
    policies: () => gateway.rules,
    providerKeys: () => NO_PROVIDER_KEYS,
    anomalies: () => gateway.monitor,
    counters,
    countersOf: () => counters,
    prices,
    spool,
    tokens,
    profile: createOutputProfile(2),
    tap: new SettledTap(),
    ended: (call) => void told.push(call),
    failed: (error) => void failures.push(error),
    now: () => SAMPLE_MS,
    exchanges: new RunningCalls(),
    state: { closing: false, inFlight: 0, drains: 0 },
    load: new NodeLoad({ callsInFlightMax: 100, bodyBytesMax: 64 * 1024 * 1024, tenantSharePercent: 50 }),
    monitor: sampleMonitor(failures),
    told,
    failures,
  };
  return gateway;
}

function sampleMonitor(failures: unknown[]): AnomalyMonitor {
  return new AnomalyMonitor({
    fingerprint: createFingerprint(new Uint8Array(32)),
    scopesMax: 1_000,
    freeze: () => Promise.resolve(),
    seen: () => undefined,
    evicted: () => undefined,
    failed: (error) => void failures.push(error),
    now: () => SAMPLE_MS,
  });
}

export interface CallOptions {
  readonly body: Record<string, unknown>;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly startedMs?: number;
}

const upstreams = new Map(
  (["openai", "anthropic", "gemini"] as const).map((name) => {
    // Never connected to: a pool opens its first socket with its first request.
    const of = { name, dialect: name, baseUrl: "http://127.0.0.1:9/v1", apiKey: "sk-sample", auth: "bearer" } as const;
    return [name as string, createUpstream({ ...of, headersTimeoutMs: 1_000, chunkTimeoutMs: 1_000 })];
  }),
);
const findTarget = createTargetFinder(upstreams);

/** A call as it stands before `reserveCall`: identified, parsed, matched with the limits in force, and estimated. */
export function sampleCall(gateway: SampleGateway, options: CallOptions): Call {
  const { body, path = "/v1/chat/completions", headers = [], startedMs = SAMPLE_MS } = options;
  const target = findTarget(path);
  const route = target?.upstream.adapter.route(target.path) ?? null;
  if (target === null || route === null) throw new Error(`no route for ${path}`);
  const raw = Buffer.from(JSON.stringify(body));
  const facts = target.upstream.adapter.parseRequest(route, body, raw.length, {});
  const read = readRequestHeaders([...headers]);
  const provider = target.upstream.name;
  const place = gateway.identity;
  const identity = {
    ...place,
    dimensions: read.dimensions,
    key: null,
    grant: null,
    ignored: [],
    passThrough: null,
  };
  const snapshot = gateway.limits(place);
  const price = gateway.prices.find(provider, facts.model, startedMs);
  const call: Call = {
    decision: randomUUIDv7().replaceAll("-", ""),
    provider,
    target,
    route,
    headers: read,
    startedMs,
    startedAt: performance.now(),
    identity,
    facts,
    credential: target.upstream.credential,
    raw,
    price,
    priced: price !== null,
    estimate: null!,
    limits: snapshot.match({ dimensions: read.dimensions, provider, key: null, model: facts.model }),
    snapshotVersion: snapshot.version,
    reservation: null!,
    states: [],
    sentAt: performance.now(),
    rateTokens: 0,
    ended: false,
  };
  call.estimate = estimateCall(gateway, call, null) ?? estimateUnpriced(call, null);
  return call;
}

export function sampleLimit(over: Partial<Limit>): Limit {
  return {
    id: "lim_1",
    scope: "org",
    measure: "usd",
    amount: 1_000_000_000n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
    ...over,
  };
}

/** Everything the gateway has written so far. */
export async function spooled(gateway: Gateway): Promise<SpoolRecord[]> {
  await new Promise(setImmediate);
  const records: SpoolRecord[] = [];
  for await (const frame of readSpool(gateway.spool.dir, SPOOL_START)) records.push(frame.record);
  return records;
}
