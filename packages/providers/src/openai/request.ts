import type { CallFacts, Usage } from "@tollhouse/contract";
import { BadRequest, type Route } from "../adapter.ts";
import { inputBounds } from "./input-bounds.ts";
import { arrayOf, isObject, type JsonObject, objectOf } from "./json-fields.ts";
import { billsCacheWrites, isPlain } from "./model-family.ts";

/**
 * Message framing and a chat template's own text, beyond what the JSON around the messages is longer by. gpt-oss has the
 * longest we know (about 70 tokens).
 */
const TEMPLATE_TOKENS = 128;
/** Lowest rate a speech file can have (4 kbit/s, below Opus's 6): 25 MB are at most this many seconds. */
const SPEECH_BYTES_PER_SECOND_MIN = 500;
const AUDIO_TOKENS_PER_SECOND = 10;
/** gpt-image-1, 1024 × 1536, high quality: 6,240, and 100 for each of 3 partial images. */
const IMAGE_OUTPUT_TOKENS = 6_600;

/**
 * Text can have no more tokens than UTF-8 bytes (a byte-pair token is a byte or more), and JSON's escapes and framing only
 * make it longer; so the raw body's length, less base64 media, bounds the text input in one light pass. See `CallFacts`.
 */
export function parseRequest(route: Route, input: unknown, bodyBytes: number): CallFacts {
  if (route.endpoint === "models") return { ...BARE, endpoint: "models", outputTokensMax: 0, free: true };
  if (!isObject(input)) throw new BadRequest("body", "a JSON object");
  const body: JsonObject = input;
  const model = modelOf(route, body);
  const stream = flag(body, "stream", route.body === "multipart");
  const common: CallFacts = {
    ...BARE,
    endpoint: route.endpoint,
    model,
    stream,
    usageAsked: asksForUsage(route, body),
    inputTokensMax: bodyBytes + TEMPLATE_TOKENS,
    tier: text(body, "service_tier"),
  };
  switch (route.endpoint) {
    case "chat_completions":
    case "responses":
      return generationFacts(route, body, common);
    case "completions":
      return completionFacts(body, common);
    case "images_generations":
      return imageFacts(body, common);
    case "audio_speech":
      return speechFacts(body, common);
    case "audio_transcriptions":
    case "audio_translations":
      return transcriptFacts(body, common);
    case "embeddings":
      return { ...common, outputTokensMax: 0 };
    case "moderations":
      return { ...common, outputTokensMax: 0, free: true };
    case "messages":
    case "count_tokens":
    case "generate_content":
    case "embed_content":
    case "batch_embed_contents":
      throw new BadRequest("path", "an endpoint of the OpenAI dialect");
  }
}

const BARE: CallFacts = {
  endpoint: "models",
  model: "",
  stream: false,
  usageAsked: true,
  inputTokensMax: 0,
  inputImageTokensMax: 0,
  inputAudioTokensMax: 0,
  inputHidden: false,
  outputTokensMax: null,
  choices: 1,
  outputHidden: false,
  outputHiddenMax: null,
  outputAudio: false,
  outputImage: false,
  tier: null,
  geo: null,
  cacheWrite: null,
  unitsMax: {},
  streamable: false,
  free: false,
};

function modelOf(route: Route, body: JsonObject): string {
  if (route.model !== null) return route.model;
  const model = body["model"];
  // The one endpoint where a missing model costs nothing.
  if ((model === undefined || model === null) && route.endpoint === "moderations") return "omni-moderation-latest";
  if (typeof model !== "string" || model.trim() === "") throw new BadRequest("model", "a model's name");
  return model;
}

/** Only the two older endpoints have to be asked; elsewhere the last event always carries it. */
function asksForUsage(route: Route, body: JsonObject): boolean {
  if (route.endpoint !== "chat_completions" && route.endpoint !== "completions") return true;
  return objectOf(body["stream_options"])["include_usage"] === true;
}

function generationFacts(route: Route, body: JsonObject, common: CallFacts): CallFacts {
  const chat = route.endpoint === "chat_completions";
  const bounds = inputBounds(body, common.model, route.model !== null);
  const modalities = list(body, "modalities");
  const outputAudio = modalities.includes("audio") || isObject(body["audio"]);
  const units = unitsMax(route, body, common.model);
  const thinks = mayThink(route, body, common.model);
  const prediction = chat && isObject(body["prediction"]);
  // A background run goes on when its stream is cut, so all it can make is held from the start.
  const background = flag(body, "background", false);
  const choices = count(body, "n", 1) ?? 1;
  const others = otherModels(body);
  return {
    ...common,
    ...(others.length === 0 ? {} : { otherModels: others }),
    inputTokensMax: common.inputTokensMax - bounds.mediaBytes,
    inputImageTokensMax: bounds.imageTokens,
    inputAudioTokensMax: bounds.audioTokens,
    inputHidden: bounds.hidden || (units.web_search_call ?? 0) > 0,
    outputTokensMax: chat
      ? outputCap(body, ["max_tokens", "max_completion_tokens"])
      : outputCap(body, ["max_output_tokens"]),
    choices,
    outputHidden: thinks || prediction || background,
    // Rejected predicted tokens are billed as output and never streamed; there are no more of them than bytes predicted.
    outputHiddenMax: prediction && !thinks && !background ? predictionBytes(body) * choices : null,
    outputAudio,
    outputImage: modalities.includes("image") || (units.image ?? 0) > 0,
    cacheWrite: writesCache(route, body, common.model) ? cacheTtl(body) : null,
    unitsMax: units,
    // Streamed audio is PCM only, so the file the client asked for cannot be put together; a background run answers at once.
    streamable: common.stream || (!outputAudio && !background),
  };
}

/** 30 minutes is the default; any other time to live is reserved as the dearer 12 hours. */
function cacheTtl(body: JsonObject): "5m" | "1h" {
  const options = body["prompt_cache_options"];
  const ttl = isObject(options) ? options["ttl"] : undefined;
  return ttl === undefined || ttl === null || ttl === "30m" ? "5m" : "1h";
}

/** OpenRouter's fallbacks, and the image model that a hosted tool is told to use. */
function otherModels(body: JsonObject): string[] {
  const named: unknown[] = [...list(body, "models")];
  for (const tool of list(body, "tools"))
    if (objectOf(tool)["model"] !== undefined) named.push(objectOf(tool)["model"]);
  return named.map((model, at) => {
    if (typeof model !== "string" || model === "") throw new BadRequest(`models.${at}`, "a model's name");
    return model;
  });
}

/**
 * The largest of all aliases present, so that a small one cannot hide a large one. An alias that this endpoint does not
 * know bounds nothing by itself: a host that ignores it would answer without a cap.
 */
function outputCap(body: JsonObject, own: readonly string[]): number | null {
  let cap: number | null = null;
  let bounded = false;
  for (const alias of ["max_tokens", "max_completion_tokens", "max_output_tokens"]) {
    const value = count(body, alias, 0);
    if (value === null) continue;
    cap = Math.max(cap ?? 0, value);
    bounded ||= own.includes(alias);
  }
  return bounded ? cap : null;
}

/** Hidden reasoning: by the model's family, unless the request turns it off; or visible reasoning the request hides. */
function mayThink(route: Route, body: JsonObject, model: string): boolean {
  const reasoning = objectOf(body["reasoning"]);
  if (body["reasoning_format"] === "hidden" || body["include_reasoning"] === false || reasoning["exclude"] === true)
    return true;
  text(body, "reasoning_effort");
  // A deployment's name says nothing about its model.
  if (route.model !== null) return true;
  return !isPlain(model) && (body["reasoning_effort"] ?? reasoning["effort"]) !== "none";
}

function predictionBytes(body: JsonObject): number {
  const content = objectOf(body["prediction"])["content"];
  if (typeof content === "string") return Buffer.byteLength(content);
  let bytes = 0;
  for (const part of arrayOf(content)) {
    const value = objectOf(part)["text"];
    if (typeof value === "string") bytes += Buffer.byteLength(value);
  }
  return bytes;
}

function writesCache(route: Route, body: JsonObject, model: string): boolean {
  return route.model !== null || billsCacheWrites(model) || isObject(body["prompt_cache_options"]);
}

/** Units that tools of the provider may use: unbounded unless `max_tool_calls` says how often they run. */
function unitsMax(route: Route, body: JsonObject, model: string): Usage {
  const calls = count(body, "max_tool_calls", 0) ?? Infinity;
  const units: { -readonly [K in keyof Usage]: number } = {};
  for (const tool of list(body, "tools")) {
    const type = objectOf(tool)["type"];
    if (typeof type !== "string") continue;
    if (type.startsWith("web_search")) units.web_search_call = calls;
    else if (type === "file_search") units.file_search_call = calls;
    else if (type === "code_interpreter" || type === "shell") units.code_interpreter_call = calls;
    else if (type === "image_generation") units.image = calls;
  }
  if (route.endpoint === "chat_completions") {
    const search = searchesMax(body, model);
    if (search > 0) units.web_search_call = Math.max(search, units.web_search_call ?? 0);
  }
  return units;
}

/** Chat completions have no tool loop: OpenAI's search models search once a call; xAI and OpenRouter by their own fields. */
function searchesMax(body: JsonObject, model: string): number {
  const live = body["search_parameters"];
  if (isObject(live) && live["mode"] !== "off") return count(live, "max_search_results", 0) ?? 20;
  if (model.endsWith(":online") || arrayOf(body["plugins"]).some((plugin) => objectOf(plugin)["id"] === "web"))
    return Infinity;
  return isObject(body["web_search_options"]) || /-search-(?:preview|api)/.test(model) ? 1 : 0;
}

/** Legacy: `best_of` are generated and `n` returned, for every prompt of the list. */
function completionFacts(body: JsonObject, common: CallFacts): CallFacts {
  const prompt = body["prompt"];
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
  const n = count(body, "n", 1) ?? 1;
  const bestOf = count(body, "best_of", 1) ?? 1;
  return {
    ...common,
    outputTokensMax: outputCap(body, ["max_tokens"]),
    choices: prompts * Math.max(n, bestOf),
    outputHidden: bestOf > n,
    // `best_of` cannot be streamed.
    streamable: common.stream || bestOf <= 1,
  };
}

function imageFacts(body: JsonObject, common: CallFacts): CallFacts {
  const n = count(body, "n", 1) ?? 1;
  const size = text(body, "size");
  const known = size === null || /^(?:auto|1024x1024|1024x1536|1536x1024)$/.test(size);
  return {
    ...common,
    outputTokensMax: common.model.startsWith("gpt-image-1") && known ? IMAGE_OUTPUT_TOKENS : null,
    choices: n,
    outputHidden: true,
    outputImage: true,
    unitsMax: { image: n },
  };
}

function speechFacts(body: JsonObject, common: CallFacts): CallFacts {
  const input = body["input"];
  if (typeof input !== "string") throw new BadRequest("input", "the text to speak");
  return { ...common, outputHidden: true, outputAudio: true, unitsMax: { character: input.length } };
}

function transcriptFacts(body: JsonObject, common: CallFacts): CallFacts {
  const bytes = objectOf(body["file"])["bytes"];
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) throw new BadRequest("file", "a file");
  const seconds = Math.ceil(bytes / SPEECH_BYTES_PER_SECOND_MIN) + 1;
  return {
    ...common,
    inputTokensMax: Math.max(0, common.inputTokensMax - bytes),
    inputAudioTokensMax: seconds * AUDIO_TOKENS_PER_SECOND,
    outputHidden: true,
    unitsMax: { audio_second: seconds },
  };
}

/** A whole number from `min`; null where it is not given. */
function count(body: JsonObject, field: string, min: number): number | null {
  const value = body[field];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min)
    throw new BadRequest(field, `a whole number from ${min}`);
  return value;
}

/** In a form, everything is text. */
function flag(body: JsonObject, field: string, form: boolean): boolean {
  const value = body[field];
  if (value === undefined || value === null) return false;
  if (form && (value === "true" || value === "false")) return value === "true";
  if (typeof value !== "boolean") throw new BadRequest(field, "true or false");
  return value;
}

function text(body: JsonObject, field: string): string | null {
  const value = body[field];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw new BadRequest(field, "a text");
  return value;
}

function list(body: JsonObject, field: string): readonly unknown[] {
  const value = body[field];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BadRequest(field, "a list");
  return value as unknown[];
}
