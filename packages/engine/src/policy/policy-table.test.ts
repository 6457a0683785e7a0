import type { CallFacts, Dimensions, Endpoint, PolicyDocument, PolicyLimit, PolicyVersion } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { formatNano, parseUsd } from "../money/amount.ts";
import { type Block, type Decision, explain, type Ruling } from "./decide.ts";
import type { Giver } from "./policy.ts";
import { compilePolicies } from "./policy-snapshot.ts";
import { resolve, type ResolvedPolicy } from "./resolve.ts";

/** A line per policy: id @ version of made on | attached to | priority, `observe` where it is not enforced | what it sets. */
const POLICIES = `
  pol_all@1    01-01 | default        | 0         | models.allow gpt-4o-mini,claude-haiku-* ; caps.cost 0.50 ; output_clamp forbidden ; limit 1.00 usd day hard user
  pol_never@1  01-01 | default        | 0         | models.deny *-preview ; endpoints.deny images_* ; limit 100.00 usd month hard org
  pol_free@1   02-01 | plan free      | 0         | caps.cost 0.10 ; caps.output_tokens 500 ; limit 50 requests day hard
  pol_pro@1    02-01 | plan pro       | 0         | models.allow gpt-4o*,claude-* ; limit 5.00 usd day hard
  pol_pro_a@2  02-02 | plan pro       | 0         | caps.cost 2.00
  pol_pro_b@4  02-03 | plan pro       | 0         | caps.cost 3.00
  pol_pro_c@1  02-01 | plan pro       | 5         | caps.output_tokens 4000
  pol_pro_d@1  02-09 | plan pro       | 1         | caps.output_tokens 9000
  pol_search@3 03-01 | feature search | 0         | models.allow {gpt-4o-mini,text-embedding-3-*} ; providers.allow openai ; limit 9.00 usd day soft
  pol_alice@7  04-01 | user alice     | 0         | caps.cost 9.00 ; limit 20.00 usd day hard
  pol_night@1  04-02 | user alice     | 9         | when input_tokens > 100000 ; caps.cost 0.01
  pol_mia@1    04-01 | user mia       | 0         | models.deny gpt-4o
  pol_trial@1  05-01 | user bob       | 0 observe | models.allow claude-haiku-*
  pol_cost@1   05-01 | user eve       | 3         | when estimated_cost < usd("1.00") ; caps.cost 50.00 ; models.allow * ; models.deny claude-*
`;

/** A line per call: what it is | the decision, and what gave the deciding value | values looked for, each with its giver. */
const CALLS = `
  the default holds for whoever has nothing of their own
    user=zoe model=gpt-4o-mini cost=0.40                | allow                                              | caps.cost pol_all@1 ; models.allow pol_all@1 ; limit 1.00 usd day hard user pol_all@1
    user=zoe model=gpt-4o cost=0.40                     | MODEL_NOT_ALLOWED models.allow pol_all@1           |
    user=zoe model=GPT-4o-Mini cost=0.40                | allow                                              |
    user=zoe model=gpt-4o-mini cost=0.51                | REQUEST_COST_CAP caps.cost pol_all@1               |
  a plan goes before the default, setting by setting
    user=fred plan=free model=gpt-4o-mini cost=0.11     | REQUEST_COST_CAP caps.cost pol_free@1              | models.allow pol_all@1 ; limit 50 requests day hard user pol_free@1 ; limit 1.00 usd day hard user pol_all@1
    user=fred plan=free model=gpt-4o cost=0.01          | MODEL_NOT_ALLOWED models.allow pol_all@1           |
    user=fred plan=free model=gpt-4o-mini output=501    | REQUEST_TOKEN_CAP caps.output_tokens pol_free@1    |
    user=paul plan=pro model=gpt-4o cost=0.40           | allow                                              | models.allow pol_pro@1 ; limit 5.00 usd day hard user pol_pro@1
    customer=acme plan=pro model=gpt-4o cost=0.40       | IDENTITY_REQUIRED limits pol_all@1                 |
  among equals the priority decides, then the newest
    user=paul plan=pro model=gpt-4o cost=2.50           | allow                                              | caps.cost pol_pro_b@4 ; caps.output_tokens pol_pro_c@1
    user=paul plan=pro model=gpt-4o output=5000         | REQUEST_TOKEN_CAP caps.output_tokens pol_pro_c@1   |
  a feature goes before the plan
    user=paul plan=pro feature=search model=gpt-4o      | MODEL_NOT_ALLOWED models.allow pol_search@3        | limit 9.00 usd day soft feature pol_search@3 ; limit 5.00 usd day hard user pol_pro@1
    user=paul plan=pro feature=search model=gpt-4o-mini | allow                                              | caps.cost pol_pro_b@4
    user=paul feature=search provider=azure model=gpt-4o-mini | MODEL_NOT_ALLOWED providers.allow pol_search@3 |
  the user goes before all
    user=alice plan=free model=gpt-4o-mini cost=8.00    | allow                                              | caps.cost pol_alice@7 ; limit 20.00 usd day hard user pol_alice@7 ; caps.output_tokens pol_free@1
    user=alice plan=free model=gpt-4o cost=8.00         | MODEL_NOT_ALLOWED models.allow pol_all@1           |
  a policy with a condition applies where it is true
    user=alice model=gpt-4o-mini cost=8.00 input=200000 | REQUEST_COST_CAP caps.cost pol_night@1             |
    user=alice model=gpt-4o-mini cost=8.00 input=100000 | allow                                              | caps.cost pol_alice@7
  what one policy denies no other allows
    user=paul plan=pro model=gpt-4o-audio-preview       | MODEL_NOT_ALLOWED models.deny pol_never@1          |
    user=mia model=gpt-4o-preview plan=pro              | MODEL_NOT_ALLOWED models.deny pol_never@1          |
    user=mia model=gpt-4o plan=pro                      | MODEL_NOT_ALLOWED models.deny pol_mia@1            | models.deny pol_mia@1+pol_never@1
    user=zoe model=gpt-4o-mini endpoint=images_generations | FEATURE_NOT_ALLOWED endpoints.deny pol_never@1  |
  what is observed is not enforced
    user=bob model=gpt-4o-mini                          | allow, observed: MODEL_NOT_ALLOWED models.allow pol_trial@1 | models.allow pol_all@1
    user=bob model=claude-haiku-4                       | allow, observed: allow                             | models.allow pol_all@1
  a condition that cannot be evaluated restricts and never permits
    user=eve model=gpt-4o cost=0.90                     | allow                                              | caps.cost pol_cost@1 ; models.allow pol_cost@1
    user=eve model=gpt-4o-mini cost=1.00                | REQUEST_COST_CAP caps.cost pol_all@1               | caps.cost pol_all@1 ; models.allow pol_all@1
    user=eve model=gpt-4o cost=unknown                  | MODEL_NOT_ALLOWED models.allow pol_all@1           | models.allow pol_cost@1+pol_all@1
    user=eve model=claude-haiku-4 cost=unknown          | MODEL_NOT_ALLOWED models.deny pol_cost@1           |
    user=eve model=gpt-4o-mini cost=unknown             | REQUEST_COST_CAP caps.cost pol_all@1               | caps.cost pol_cost@1+pol_all@1
`;

const SNAPSHOT = compilePolicies(rows(POLICIES).map(policyOf));

describe("user > feature > plan > default; then priority, then the newest", () => {
  for (const { title, calls } of sections(CALLS)) {
    test.each(calls)(`${title}: %s → %s`, (call, decision, givers) => {
      const { decided, policy } = decide(call);
      expect(summaryOf(decided)).toBe(decision);
      const given = valuesOf(policy);
      for (const line of givers.split(";").map((text) => text.trim())) if (line !== "") expect(given).toContain(line);
    });
  }
});

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.split("|").map((cell) => cell.trim()));
}

function sections(text: string): { title: string; calls: [string, string, string][] }[] {
  const found: { title: string; calls: [string, string, string][] }[] = [];
  for (const [call = "", decision, givers = ""] of rows(text))
    if (decision === undefined) found.push({ title: call, calls: [] });
    else found.at(-1)?.calls.push([call, decision, givers]);
  return found;
}

function policyOf([name = "", attached = "", order = "", sets = ""]: string[]): PolicyVersion {
  const [id = "", version = "", date = ""] = name.split(/@|\s+/);
  const [level = "", key] = attached.split(" ");
  const [priority, mode] = order.split(" ");
  const document: Record<string, unknown> = { limits: [] };
  for (const [what = "", ...rest] of sets.split(" ; ").map((text) => text.trim().split(" "))) {
    const value = rest.join(" ");
    const [field = "", part] = what.split(".");
    if (what === "limit") (document.limits as PolicyLimit[]).push(limitOf(rest));
    else if (part === undefined) document[field] = value;
    else document[field] = { ...(document[field] as object), [part]: partOf(field, part, value) };
  }
  return {
    id,
    version: Number(version),
    created_at: `2026-${date}T00:00:00Z`,
    name: id,
    attach: key === undefined ? "default" : { [level]: key },
    priority: Number(priority),
    mode: mode === "observe" ? "observe" : "enforce",
    ...(document as Partial<PolicyDocument>),
  };
}

function partOf(field: string, part: string, value: string): unknown {
  if (field !== "caps") return value.startsWith("{") ? [value] : value.split(",");
  return part === "cost" ? value : Number(value);
}

function limitOf([amount, measure, window, mode, scope]: string[]): PolicyLimit {
  return { amount, measure, window, mode, ...(scope === undefined ? {} : { scope }) } as PolicyLimit;
}

function decide(text: string): { decided: Decision; policy: ResolvedPolicy } {
  const said = Object.fromEntries(text.split(/\s+/).map((word) => word.split("="))) as Record<string, string>;
  const { user, customer, feature, plan = null, model = "", provider = "openai", cost = "0.01" } = said;
  const endpoint = (said.endpoint ?? "chat_completions") as Endpoint;
  const facts = { endpoint, model, free: false, choices: 1, outputTokensMax: null } as CallFacts;
  const policy = resolve(SNAPSHOT, {
    // Drops what is not said: an absent dimension is a missing one.
    dimensions: JSON.parse(JSON.stringify({ user, customer, feature })) as Dimensions,
    plan,
    model,
    provider,
    endpoint,
    key: null,
    estimatedCost: cost === "unknown" ? null : parseUsd(cost),
    inputTokens: Number(said.input ?? 10),
    outputTokens: Number(said.output ?? 10),
  });
  return { decided: explain({ facts, priceKnown: cost !== "unknown", limits: [], policy }), policy };
}

function summaryOf({ block, observed }: { block: Block | null; observed?: Ruling | null }): string {
  const own =
    block === null ? "allow" : `${block.code} ${block.decidedBy?.setting} ${nameOf(block.decidedBy?.giver as Giver)}`;
  return observed === undefined || observed === null
    ? own
    : `${own}, observed: ${summaryOf({ block: observed.block })}`;
}

/** `setting giver+giver`, and `limit amount measure window mode scope giver`. */
function valuesOf({ enforced: { values, limits } }: ResolvedPolicy): string[] {
  return [
    ...Object.entries(values).map(([name, given]) => `${name} ${given.map(({ giver }) => nameOf(giver)).join("+")}`),
    ...limits.map(({ value: { measure, amount, window, mode }, scope, giver }) => {
      const shown = measure === "usd" ? formatNano(amount).slice(0, -7) : amount;
      return `limit ${shown} ${measure} ${window} ${mode} ${scope} ${nameOf(giver)}`;
    }),
  ];
}

function nameOf({ policy, version }: Giver): string {
  return `${policy}@${version}`;
}
