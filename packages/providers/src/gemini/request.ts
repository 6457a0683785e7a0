import type { CallFacts } from "@tollhouse/contract";
import { BadRequest } from "../adapter.ts";
import type { Route } from "../adapter.ts";
import { surveyContent } from "./content.ts";
import { isObject, largestInteger, namesOf, objectsOf, textsOf, valuesOf } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { readTools } from "./tools.ts";

/** Tokens around the contents that are not in the body; a content's own JSON has more bytes than its framing has tokens. */
const FRAMING_TOKENS = 64;

const GENERATION_CONFIG = namesOf("generationConfig");
const MAX_OUTPUT = namesOf("maxOutputTokens");
const CANDIDATES = namesOf("candidateCount");
const MODALITIES = namesOf("responseModalities");
const THINKING_CONFIG = namesOf("thinkingConfig");
const BUDGET = namesOf("thinkingBudget");
const LEVEL = namesOf("thinkingLevel");
const TIER = namesOf("serviceTier");
const CACHED_CONTENT = namesOf("cachedContent");

/** Models that do not think unless asked to. All others do, and those not known here are taken to. */
const THINKS_ONLY_WHEN_ASKED = /^(?:gemini-(?:1|2\.0)|gemini-2\.5-flash-(?:lite|image)|gemma|.*-tts)/;

/**
 * Bounds of a Gemini request (Gemini API reference, generateContent and embedContent). `inputTokensMax` is the length of
 * the body less its media: a byte-level tokenizer makes no more tokens than bytes.
 */
export function parseRequest(route: Route, body: unknown, bodyBytes: number): CallFacts {
  if (!isObject(body)) throw new BadRequest("body", "a JSON object");
  const model = route.model ?? "";
  checkModels(body, model);
  const content = surveyContent(body);
  const generating = route.endpoint === "generate_content";
  const configs = generating ? objectsOf([body], GENERATION_CONFIG, "generationConfig") : [];
  const tools = readTools(body, model);
  const hiddenOutput = generating ? outputHiddenMax(configs, model) : 0;
  const tier = textsOf([body], TIER, "serviceTier")[0]?.toLowerCase() ?? null;
  return {
    endpoint: route.endpoint,
    model,
    stream: route.stream === true,
    usageAsked: true,
    inputTokensMax: Math.max(0, bodyBytes - content.mediaBytes) + FRAMING_TOKENS,
    inputImageTokensMax: content.imageTokens,
    inputAudioTokensMax: content.audioTokens,
    inputHidden: content.hidden || tools.atProvider || valuesOf(body, CACHED_CONTENT).length > 0,
    // 0 is the default of the field, so it is no cap.
    outputTokensMax: generating
      ? largestInteger(configs, MAX_OUTPUT, "generationConfig.maxOutputTokens", 0) || null
      : 0,
    choices: Math.max(1, largestInteger(configs, CANDIDATES, "generationConfig.candidateCount", 0) ?? 1),
    outputHidden: hiddenOutput !== 0,
    outputHiddenMax: hiddenOutput === 0 ? null : hiddenOutput,
    ...outputModalities(configs, generating ? model : ""),
    tier: tier === "unspecified" ? null : tier,
    geo: null,
    // Implicit caching costs nothing to write, and an explicit cache is another endpoint.
    cacheWrite: null,
    unitsMax: tools.unitsMax,
    streamable: generating,
    free: route.endpoint === "count_tokens",
  };
}

/** The path names the model that is allowed and priced; a body that names another one would get around both. */
function checkModels(body: JsonObject, model: string): void {
  const requests = body["requests"] ?? [];
  if (!Array.isArray(requests)) throw new BadRequest("requests", "an array");
  checkModel(body, "model", model);
  for (const [index, request] of requests.entries()) {
    if (!isObject(request)) throw new BadRequest(`requests[${index}]`, "an object");
    checkModel(request, `requests[${index}].model`, model);
  }
}

function checkModel(owner: JsonObject, field: string, model: string): void {
  const named = owner["model"] ?? null;
  if (named !== null && named !== model && named !== `models/${model}`)
    throw new BadRequest(field, `the model of the path, models/${model}`);
}

/**
 * 0 = none; null = only the output cap bounds it. Thoughts are billed whether they are shown or not, and count towards
 * maxOutputTokens. A budget of −1 leaves it to the model; a level is no number.
 */
function outputHiddenMax(configs: readonly JsonObject[], model: string): number | null {
  const thinking = objectsOf(configs, THINKING_CONFIG, "generationConfig.thinkingConfig");
  const field = "generationConfig.thinkingConfig.thinkingBudget";
  const budget = largestInteger(thinking, BUDGET, field, -1);
  const automatic = thinking.flatMap((owner) => valuesOf(owner, BUDGET)).some((value) => Number(value) === -1);
  if (automatic || thinking.some((owner) => valuesOf(owner, LEVEL).length > 0)) return null;
  if (budget !== null) return budget;
  return THINKS_ONLY_WHEN_ASKED.test(model) ? 0 : null;
}

/** Without `responseModalities` it is the model's kind that decides; Google names those models so. */
function outputModalities(
  configs: readonly JsonObject[],
  model: string,
): Pick<CallFacts, "outputAudio" | "outputImage"> {
  const named = configs.flatMap((config) => valuesOf(config, MODALITIES)).flat();
  const asked = new Set(named.map((name) => String(name).toUpperCase()));
  if (asked.size === 0) return { outputAudio: /-tts|-audio/.test(model), outputImage: /-image/.test(model) };
  return { outputAudio: asked.has("AUDIO"), outputImage: asked.has("IMAGE") };
}
