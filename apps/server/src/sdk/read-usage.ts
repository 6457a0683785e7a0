import { USAGE_CLASSES, type CallFacts, type Endpoint, type UsageClass, type UsageReport } from "@tollhouse/contract";
import type { SdkRecord } from "@tollhouse/contract";
import type { ProviderAdapter, Route } from "@tollhouse/providers";
import { usualEndpoint } from "./sdk-facts.ts";
import { camelOf, respelled, snakeOf, wrong, type JsonObject } from "./spellings.ts";

/** What a record says of its provider's answer, in the form that the provider sends it. */
export interface SaidAnswer {
  readonly body: JsonObject;
  readonly endpoint: Endpoint;
}

const CLASSES: ReadonlySet<string> = new Set(USAGE_CLASSES);

/** Null = nothing is said of the usage: `usage: null`, or an answer without one. */
export function answerOf(said: SdkRecord, adapter: ProviderAdapter): SaidAnswer | null {
  const gemini = adapter.dialect === "gemini";
  const whole = isObject(said.response) ? said.response : null;
  const within = whole?.["usage"] ?? whole?.["usageMetadata"] ?? whole?.["usage_metadata"];
  if (said.usage !== undefined && within !== undefined)
    throw wrong("usage", "expected it beside the response or in it, not both");
  const given = said.usage ?? within ?? null;
  if (!isObject(given)) return null;
  const usage = respelled(given, gemini ? camelOf : snakeOf, "usage") as JsonObject;
  checkCounts(usage, "usage");
  const { usage: _, usageMetadata: __, usage_metadata: ___, ...rest } = whole ?? {};
  const body: JsonObject = gemini
    ? {
        ...(said.response_id !== undefined && { responseId: said.response_id }),
        ...(said.service_tier !== undefined && { serviceTier: said.service_tier }),
        ...rest,
        ...camelTop(rest),
        usageMetadata: said.service_tier === undefined ? usage : { serviceTier: said.service_tier, ...usage },
      }
    : {
        ...(said.response_id !== undefined && { id: said.response_id }),
        ...rest,
        ...(said.service_tier !== undefined && { service_tier: said.service_tier }),
        // Anthropic says the tier inside its usage, OpenAI beside it.
        usage: said.service_tier === undefined ? usage : { service_tier: said.service_tier, ...usage },
      };
  return { body, endpoint: said.endpoint ?? endpointOf(adapter, body, usage) };
}

/** The Python client of Gemini writes its answers in snake_case. */
function camelTop(answer: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const name of ["model_version", "response_id"]) if (name in answer) out[camelOf(name)] = answer[name];
  return out;
}

/** OpenAI's endpoints name their counts differently; embeddings have an input and nothing else. */
function endpointOf(adapter: ProviderAdapter, body: JsonObject, usage: JsonObject): Endpoint {
  if (adapter.dialect !== "openai") return usualEndpoint(adapter.dialect);
  if (body["object"] === "response") return "responses";
  if (body["object"] === "list") return "embeddings";
  if (usage["prompt_tokens"] === undefined && usage["input_tokens"] !== undefined) return "responses";
  const total = usage["total_tokens"];
  if (usage["completion_tokens"] === undefined && total !== undefined && total === usage["prompt_tokens"])
    return "embeddings";
  return "chat_completions";
}

/** Null where the counts cannot be read. */
export function reportOf(adapter: ProviderAdapter, facts: CallFacts, answer: SaidAnswer): UsageReport | null {
  const own = ownClasses(answer.body["usage"] ?? answer.body["usageMetadata"]);
  if (own !== null) return own;
  if (adapter.dialect === "openai") checkBothSides(answer.body["usage"], facts);
  return adapter.usageOf(routeOf(adapter, facts.endpoint), facts, answer.body, {});
}

/** Tollhouse's own disjoint classes, for providers whose usage nobody here reads. */
function ownClasses(usage: unknown): UsageReport | null {
  if (!isObject(usage)) return null;
  const names = Object.keys(usage);
  if (names.length === 0 || !names.every((name) => CLASSES.has(name))) return null;
  const counts: { [K in UsageClass]?: number } = {};
  for (const name of names as UsageClass[]) {
    const value = usage[name];
    if (!isCount(value)) throw wrong(`usage.${name}`, `expected a whole number from 0 to ${COUNT_MAX}`);
    counts[name] = value;
  }
  return { usage: counts, model: null, tier: null, geo: null, providerId: null, costNano: null, doubt: null };
}

/** No call has a million million tokens. */
const COUNT_MAX = 1e12;

const COUNT_NAME = /_tokens$|token_?count$/i;

/**
 * Meters read what is no count as absent, because a provider's answer must not leave a call without its end. Whoever records can send it
 * again, and is told.
 */
function checkCounts(value: unknown, at: string): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    const field = `${at}.${name}`;
    if (typeof each === "object") checkCounts(each, field);
    else if (COUNT_NAME.test(name) && !isCount(each))
      throw wrong(field, `expected a whole number from 0 to ${COUNT_MAX}`);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= COUNT_MAX;
}

const TEXT_ENDPOINTS: ReadonlySet<Endpoint> = new Set<Endpoint>(["chat_completions", "completions", "responses"]);

/** A side that is not said, and that no total tells, is not zero. */
function checkBothSides(usage: unknown, { endpoint }: CallFacts): void {
  if (!isObject(usage) || !TEXT_ENDPOINTS.has(endpoint) || isCount(usage["total_tokens"])) return;
  // Some hosts bill other units, in an object of their own.
  if (isObject(usage["billed_units"])) return;
  const has = (...names: string[]): boolean => names.some((name) => isCount(usage[name]));
  const input = has("prompt_tokens", "input_tokens", "prompt_cache_miss_tokens");
  const output = has("completion_tokens", "output_tokens");
  if (input === output) return;
  const missing = input ? "completion_tokens (or output_tokens)" : "prompt_tokens (or input_tokens)";
  throw wrong("usage", `expected ${missing} too, or total_tokens`);
}

function routeOf(adapter: ProviderAdapter, endpoint: Endpoint): Route {
  return {
    dialect: adapter.dialect,
    endpoint,
    method: "POST",
    body: "json",
    upstreamPath: "",
    model: null,
    stream: null,
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
