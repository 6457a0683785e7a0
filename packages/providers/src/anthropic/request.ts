import type { CallFacts, Usage } from "@tollhouse/contract";
import { BadRequest } from "../adapter.ts";
import type { Route } from "../adapter.ts";
import { surveyContent } from "./content.ts";
import { isObject, optionalArray, optionalCount, optionalFlag, optionalText } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { readTools, sumOrNull } from "./tools.ts";
import type { ToolFacts } from "./tools.ts";

/** ceil(w/28) × ceil(h/28) is capped at 1,568, and at 4,784 on models with high resolution (4.7 and later). */
export const IMAGE_TOKENS_MAX = 4_784;
/** Tokens around the messages that are not in the body; a message's own JSON has more bytes than its framing has tokens. */
const FRAMING_TOKENS = 64;

/**
 * Bounds of `POST /v1/messages` (Anthropic API reference, messages). `inputTokensMax` is the length of the body less its
 * media: a byte-level tokenizer makes no more tokens than bytes, and a JSON escape is longer than what it stands for.
 */
export function parseRequest(route: Route, body: unknown, bodyBytes: number): CallFacts {
  if (!isObject(body)) throw new BadRequest("body", "a JSON object");
  const model = optionalText(body, "model", "model");
  if (model === null || model === "") throw new BadRequest("model", "the name of a model");
  const content = surveyContent(body);
  const tools = readTools(body);
  const fallbacks = readFallbacks(body);
  const hiddenOutput = outputHiddenMax(body, fallbacks, tools);
  const counting = route.endpoint === "count_tokens";
  return {
    endpoint: route.endpoint,
    model,
    otherModels: [...tools.models, ...fallbacks.map((entry) => entry.model)],
    stream: !counting && (optionalFlag(body, "stream", "stream") ?? false),
    usageAsked: true,
    inputTokensMax: Math.max(0, bodyBytes - content.mediaBytes) + tools.promptTokens + FRAMING_TOKENS,
    inputImageTokensMax: content.images * IMAGE_TOKENS_MAX,
    inputAudioTokensMax: 0,
    // A declined attempt that had begun to answer is billed with its own input, beside the one that served.
    inputHidden: content.hidden || tools.atProvider || fallbacks.length > 0 || keepsContextAtProvider(body),
    outputTokensMax: compacts(body) ? null : sumOrNull(outputTokensMax(body, fallbacks), tools.extraOutputMax),
    choices: 1 + fallbacks.length,
    outputHidden: hiddenOutput !== 0,
    outputHiddenMax: hiddenOutput === 0 ? null : hiddenOutput,
    outputAudio: false,
    outputImage: false,
    tier: tierOf(body, fallbacks),
    geo: optionalText(body, "inference_geo", "inference_geo"),
    // Tools at the provider write the cache for five minutes by themselves.
    cacheWrite: content.cacheWrite ?? (tools.atProvider ? "5m" : null),
    unitsMax: unitsMax(tools),
    streamable: !counting,
    free: counting,
  };
}

interface Fallback {
  readonly model: string;
  readonly maxTokens: number | null;
  readonly fast: boolean;
  readonly thinkingMax: number | null;
}

/** `fallbacks: "default"` names no model; the answer says which one served. */
function readFallbacks(body: JsonObject): Fallback[] {
  if (body["fallbacks"] === "default") return [];
  return optionalArray(body, "fallbacks", "fallbacks").map((entry, index) => {
    const field = `fallbacks[${index}]`;
    if (!isObject(entry)) throw new BadRequest(field, "an object");
    const model = optionalText(entry, "model", `${field}.model`);
    if (model === null || model === "") throw new BadRequest(`${field}.model`, "the name of a model");
    return {
      model,
      maxTokens: optionalCount(entry, "max_tokens", `${field}.max_tokens`),
      fast: optionalText(entry, "speed", `${field}.speed`) === "fast",
      thinkingMax: thinkingMax(entry, `${field}.thinking`),
    };
  });
}

/** 0 is documented: it warms the cache and answers nothing. */
function outputTokensMax(body: JsonObject, fallbacks: readonly Fallback[]): number | null {
  const own = optionalCount(body, "max_tokens", "max_tokens");
  if (own === null) return null;
  return Math.max(own, ...fallbacks.map((entry) => entry.maxTokens ?? 0));
}

/** 0 = none hidden; null = hidden, and only the output cap bounds it. */
function outputHiddenMax(body: JsonObject, fallbacks: readonly Fallback[], tools: ToolFacts): number | null {
  let thinking = thinkingMax(body, "thinking");
  for (const { thinkingMax: other } of fallbacks)
    thinking = thinking === null || other === null ? null : Math.max(thinking, other);
  return sumOrNull(thinking, tools.extraOutputMax);
}

/** `enabled` has a budget inside max_tokens; `adaptive`, and any type made later, is bounded by max_tokens alone. */
function thinkingMax(owner: JsonObject, field: string): number | null {
  const thinking = owner["thinking"] ?? null;
  if (thinking === null) return 0;
  if (!isObject(thinking)) throw new BadRequest(field, "an object");
  const type = optionalText(thinking, "type", `${field}.type`);
  const budget = optionalCount(thinking, "budget_tokens", `${field}.budget_tokens`);
  if (type === "disabled") return 0;
  return type === "enabled" ? budget : null;
}

function tierOf(body: JsonObject, fallbacks: readonly Fallback[]): string | null {
  const tier = optionalText(body, "service_tier", "service_tier");
  const fast = optionalText(body, "speed", "speed") === "fast" || fallbacks.some((entry) => entry.fast);
  return fast ? "fast" : tier;
}

/** Threads, containers with skills, and compaction put tokens into the input that the body does not have. */
function keepsContextAtProvider(body: JsonObject): boolean {
  const thread = body["thread"] ?? null;
  if (thread !== null && !(isObject(thread) && thread["type"] === "create")) return true;
  return (body["container"] ?? null) !== null || compacts(body);
}

/** May the provider sum up the context on the way? That output is outside max_tokens, bounded by the model alone. */
function compacts(body: JsonObject): boolean {
  if ((body["compaction"] ?? null) !== null) return true;
  const management = body["context_management"] ?? null;
  if (management === null) return false;
  if (!isObject(management)) throw new BadRequest("context_management", "an object");
  return optionalArray(management, "edits", "context_management.edits").some(
    (edit) => !isObject(edit) || !String(edit["type"]).startsWith("clear_"),
  );
}

function unitsMax(tools: ToolFacts): Usage {
  return {
    ...(tools.searches > 0 && { web_search_call: tools.searches }),
    ...(tools.fetches > 0 && { web_fetch_call: tools.fetches }),
  };
}
