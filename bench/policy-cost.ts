import type { PolicyVersion } from "@tollhouse/contract";
import {
  compilePolicies,
  countedLimits,
  explain,
  mergeLimits,
  policyLimits,
  resolve,
  type PolicyCall,
} from "@tollhouse/engine";
import { applyingPolicies, otherPolicies } from "./grown-rules.ts";
import { median, table } from "./table.ts";

/** What policies cost a call, by themselves: CPU µs from the call's facts to its limits, for policies that all apply to it. */
const CALLS = 2_000;
const ROUNDS = 15;
const CASES = [
  [0, 0],
  [100_000, 0],
  [0, 1],
  [0, 5],
  [0, 64],
] as const;

const call: PolicyCall = {
  dimensions: {
    session: "session-0",
    user: "user-0",
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
  estimatedCost: 1_000_000n,
  inputTokens: 500,
  outputTokens: 256,
};

const facts = {
  endpoint: "chat_completions",
  model: "gpt-4o-mini",
  otherModels: [],
  choices: 1,
  outputTokensMax: 256,
  free: false,
} as unknown as Parameters<typeof explain>[0]["facts"];

const grown = CASES.map(([others, applying]) => ({
  others,
  applying,
  snapshot: compilePolicies([
    ...versions(otherPolicies(others), "other"),
    ...versions(applyingPolicies(applying), "own"),
  ]),
  us: [] as number[],
}));
const ids = new Map<string, string>();
const idOf = (slot: string, scope: string, value: string): string => {
  const name = `${slot} ${scope}:${value}`;
  let id = ids.get(name);
  if (id === undefined) ids.set(name, (id = `lim_${ids.size}`));
  return id;
};

let sink = 0;
for (let round = -2; round < ROUNDS; round++)
  for (const { snapshot, us } of grown) {
    const before = process.cpuUsage();
    for (let n = 0; n < CALLS; n++) {
      // Bounds differ from call to call.
      const of = { ...call, inputTokens: 400 + (n % 100), estimatedCost: BigInt(1_000_000 + n) };
      const policy = resolve(snapshot, of);
      const decided = explain({ facts, priceKnown: true, limits: [], policy });
      const held = policyLimits(policy.enforced, of, idOf);
      sink += mergeLimits([], held).length + countedLimits(snapshot, of, held, idOf).length + decided.steps.length;
      if (decided.block !== null) throw new Error(decided.block.message);
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) us.push((user + system) / CALLS);
  }
console.log(
  table(
    "Policies of one call",
    ["others", "each attachment", "CPU µs a call"],
    grown.map(({ others, applying, us }) => [String(others), String(applying), median(us).toFixed(2)]),
  ),
  sink > 0 ? "" : "nothing",
);

function* versions(documents: Iterable<object>, prefix: string): Generator<PolicyVersion> {
  let n = 0;
  for (const document of documents)
    yield { ...(document as PolicyVersion), id: `pol_${prefix}${n++}`, version: 1, created_at: "2026-11-01T00:00:00Z" };
}
