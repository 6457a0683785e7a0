import type { PolicyVersion } from "@tollhouse/contract";
import {
  compilePolicies,
  countedLimits,
  createLimitSnapshot,
  explain,
  mergeLimits,
  policyLimits,
  resolve,
  type Limit,
  type LimitSnapshot,
  type PolicyCall,
  type PolicySnapshot,
} from "@tollhouse/engine";
import { MemoryCounterStore } from "@tollhouse/store";
import { applyingPolicies, otherPolicies } from "./grown-rules.ts";
import { spread, table } from "./table.ts";

/**
 * What deciding costs a call, by itself: from its facts to its reservation and its end, in CPU µs, collection of garbage included. Among few
 * limits and policies and among many; by one user again and again (everything in the processor's cache) and by any user (nothing is).
 */
const CALLS = 10_000;
const ROUNDS = 11;
/** Who call; with few limits they are fewer. */
const USERS = 50_000;
/** Rounds until each has called once, so that their counters are there. */
const WARM_UP = USERS / CALLS;
const OWN_LIMITS = ["session", "agent", "feature", "service", "team", "customer", "org"] as const;
const NOW = Date.UTC(2026, 10, 21, 12);
const AMOUNT = 9_000_000_000_000_000n;

interface Size {
  readonly limits: number;
  readonly policies: number;
}

interface Case extends Size {
  readonly snapshot: LimitSnapshot;
  readonly policies_: PolicySnapshot;
  readonly counters: MemoryCounterStore;
  readonly same: number[];
  readonly any: number[];
}

const SIZES: readonly Size[] = [
  { limits: 10, policies: 0 },
  { limits: 1_000_000, policies: 0 },
  { limits: 10, policies: 100_000 },
  { limits: 1_000_000, policies: 100_000 },
];

const facts = {
  endpoint: "chat_completions",
  model: "gpt-4o-mini",
  otherModels: [],
  choices: 1,
  outputTokensMax: 256,
  free: false,
} as unknown as Parameters<typeof explain>[0]["facts"];

const ids = new Map<string, string>();
const idOf = (slot: string, scope: string, value: string): string => {
  const name = `${slot} ${scope}:${value}`;
  let id = ids.get(name);
  if (id === undefined) ids.set(name, (id = `lim_${ids.size}`));
  return id;
};

const cases = SIZES.map((size): Case => ({
  ...size,
  snapshot: createLimitSnapshot({
    version: 1,
    limits: [...ownLimits(), ...userLimits(size.limits)],
    defaultSessionBudget: null,
  }),
  policies_: compilePolicies([
    ...versions(otherPolicies(size.policies), "other"),
    ...versions(applyingPolicies(1), "own"),
  ]),
  counters: new MemoryCounterStore(),
  same: [],
  any: [],
}));

let sink = 0;
for (let round = -WARM_UP; round < ROUNDS; round++)
  for (const one of cases) {
    const same = measure(one, () => 0);
    // Each of them once before any comes again: as far from the cache as it gets.
    const any = measure(one, (n) => (((round + WARM_UP) * CALLS + n) * 7_919) % USERS);
    if (round < 0) continue;
    one.same.push(same);
    one.any.push(any);
  }
console.log(
  table(
    "Deciding one call",
    ["limits", "policies", "the same user, CPU µs", "any user, CPU µs"],
    cases.map(({ limits, policies, same, any }) => [String(limits), String(policies), spread(same, 1), spread(any, 1)]),
  ),
  sink > 0 ? "" : "nothing",
);

function measure(one: Case, userOf: (n: number) => number): number {
  const before = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) decide(one, n, `member-${userOf(n) % one.limits}`);
  const { user, system } = process.cpuUsage(before);
  // Every ten seconds in a server: what it costs is not a call's.
  one.counters.sweep(NOW + 11 * 60_000);
  return (user + system) / CALLS;
}

function decide({ snapshot, policies_, counters }: Case, n: number, user: string): void {
  const call: PolicyCall = {
    dimensions: {
      session: "session-0",
      user,
      agent: "contract-reader",
      feature: "compare-versions",
      service: "documents",
      team: "legal",
      customer: "acme",
    },
    plan: "enterprise",
    planHolder: "customer",
    model: "gpt-4o-mini",
    provider: "openai",
    endpoint: "chat_completions",
    key: null,
    estimatedCost: BigInt(1_000_000 + n),
    inputTokens: 400 + (n % 100),
    outputTokens: 256,
  };
  const policy = resolve(policies_, call);
  const matched = snapshot.match(call);
  const decided = explain({ facts, priceKnown: true, limits: matched, policy });
  if (decided.block !== null) throw new Error(decided.block.message);
  const held = policyLimits(policy.enforced, call, idOf);
  const limits = [...mergeLimits(matched, held), ...countedLimits(policies_, call, held, idOf)];
  const room = counters.room(limits, NOW);
  const amounts = { usd: 1_000n, tokens: 10n, requests: 1n };
  const id = `call-${sink++}`;
  const reserved = counters.reserve(id, limits, amounts, NOW);
  if (reserved.outcome === "refused" || room.usd === null) throw new Error("nothing of this is to be refused");
  counters.settle(id, amounts);
}

function* ownLimits(): Generator<Limit> {
  for (const [n, kind] of OWN_LIMITS.entries()) yield limitOf(`lim_own${n}`, kind === "org" ? kind : scopeOf(kind));
}

function scopeOf(kind: string): string {
  const values: Record<string, string> = {
    session: "session-0",
    agent: "contract-reader",
    feature: "compare-versions",
    service: "documents",
    team: "legal",
    customer: "acme",
  };
  return `${kind}:${values[kind]}`;
}

function* userLimits(size: number): Generator<Limit> {
  for (let n = 0; n < size; n++)
    yield limitOf(`lim_${n.toString(16).padStart(26, "0").toUpperCase()}`, `user:member-${n}`);
}

function limitOf(id: string, scope: string): Limit {
  return {
    id,
    scope,
    measure: "usd",
    amount: AMOUNT,
    window: "month",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
  };
}

function* versions(documents: Iterable<object>, prefix: string): Generator<PolicyVersion> {
  let n = 0;
  for (const document of documents)
    yield { ...(document as PolicyVersion), id: `pol_${prefix}${n++}`, version: 1, created_at: "2026-11-01T00:00:00Z" };
}
