import type { CallFacts, Usage, UsageClass, UsageReport } from "@tollhouse/contract";
import { arrayOf, countOf, isObject, type JsonObject, objectOf, textOf } from "./json-fields.ts";
import { nanoOf } from "./money-text.ts";

type Counts = { [K in UsageClass]?: number };
type Headers = Readonly<Record<string, string | undefined>>;

/** What the counts came to, before it is known who served the call. */
export interface UsageReading {
  readonly usage: Usage;
  readonly costNano: bigint | null;
  readonly doubt: string | null;
}

/** The report of a whole answer: see `ProviderAdapter.usageOf`. */
export function usageReport(facts: CallFacts, body: unknown, headers: Headers): UsageReport | null {
  const reading = readUsage(facts, body);
  return reading === null ? null : reportOf(reading, objectOf(body), headers);
}

export function reportOf(reading: UsageReading, answer: JsonObject, headers: Headers): UsageReport {
  return {
    ...reading,
    model: textOf(answer["model"]),
    tier: textOf(answer["service_tier"]),
    geo: null,
    providerId: textOf(answer["id"]) ?? textOf(headers["x-request-id"]),
  };
}

/**
 * Usage of an answer (or of a stream's chunk, or of the `response` of an event), in disjoint classes. Null where it carries
 * none. Shapes: OpenAI chat, completions, embeddings, responses, images, audio, and what compatible hosts make of them.
 */
export function readUsage(facts: CallFacts, body: unknown): UsageReading | null {
  const answer = objectOf(body);
  const counts: Counts = {};
  const doubts: string[] = [];
  const given = usageOf(answer);
  const read = given === null ? readUnits(facts, answer, counts) : readCounts(facts, given, counts, doubts);
  if (!read) return null;
  readTools(facts, answer, given ?? {}, counts, doubts);
  return {
    usage: counts,
    costNano: given === null ? null : costOf(given),
    doubt: doubts.length === 0 ? null : doubts.join("; "),
  };
}

/** `usage`, or where old Groq streams put it. An empty object is no report. */
function usageOf(answer: JsonObject): JsonObject | null {
  const usage = answer["usage"];
  if (isObject(usage) && Object.keys(usage).length > 0) return usage;
  const groq = objectOf(answer["x_groq"])["usage"];
  return isObject(groq) && Object.keys(groq).length > 0 ? groq : null;
}

/** Answers without `usage` that still say what they cost: images by number, transcripts by duration. */
function readUnits(facts: CallFacts, answer: JsonObject, counts: Counts): boolean {
  if (facts.endpoint === "images_generations" && Array.isArray(answer["data"])) {
    counts.image = answer["data"].length;
    return true;
  }
  const transcript = facts.endpoint === "audio_transcriptions" || facts.endpoint === "audio_translations";
  return transcript && setSeconds(counts, answer["duration"]);
}

/** Whole seconds, rounded up. Older hosts send the duration as text. */
function setSeconds(counts: Counts, value: unknown): boolean {
  const seconds = Math.ceil(typeof value === "string" && value !== "" ? Number(value) : (value as number));
  if (typeof value !== "number" && typeof value !== "string") return false;
  if (!Number.isSafeInteger(seconds) || seconds < 0) return false;
  counts.audio_second = seconds;
  return true;
}

function readCounts(facts: CallFacts, usage: JsonObject, counts: Counts, doubts: string[]): boolean {
  if (usage["type"] === "duration") return setSeconds(counts, usage["seconds"]);
  // Cohere bills these and not the tokens it processed.
  const billed = objectOf(usage["billed_units"]);
  const hit = countOf(usage["prompt_cache_hit_tokens"]);
  const miss = countOf(usage["prompt_cache_miss_tokens"]);
  const halves = hit !== null && miss !== null ? hit + miss : null;
  const named = first(billed["input_tokens"], usage["prompt_tokens"], usage["input_tokens"]);
  let input = named ?? halves;
  const output = first(billed["output_tokens"], usage["completion_tokens"], usage["output_tokens"]);
  if (input === null && output === null) return false;
  if (input === null || (output === null && facts.outputTokensMax !== 0))
    doubts.push(`${input === null ? "input" : "output"} tokens are missing`);
  if (named !== null && halves !== null && named !== halves) {
    doubts.push(`cache hit ${hit} + miss ${miss} is not prompt ${named}`);
    input = Math.max(named, halves);
  }
  const cited = countOf(usage["citation_tokens"]) ?? 0;
  splitInput((input ?? 0) + cited, usage, hit, counts, doubts);
  splitOutput(facts, input ?? 0, output ?? 0, cited, usage, counts, doubts);
  return true;
}

function first(...values: readonly unknown[]): number | null {
  for (const value of values) {
    const count = countOf(value);
    if (count !== null) return count;
  }
  return null;
}

/**
 * Every detail is inside the total. Where they come to more than it, the dearer ones keep their count and the cheaper ones
 * (cache reads last) are clamped: the reading that costs more, with a doubt.
 */
function splitInput(total: number, usage: JsonObject, hit: number | null, counts: Counts, doubts: string[]): void {
  const details = objectOf(
    usage["prompt_tokens_details"] ?? usage["input_tokens_details"] ?? usage["input_token_details"],
  );
  let rest = total;
  const take = (name: UsageClass, value: number | null): void => {
    const wanted = value ?? 0;
    const taken = Math.min(wanted, rest);
    if (taken < wanted) doubts.push(`${name} ${wanted} does not fit into input ${total}`);
    rest -= taken;
    if (taken > 0) counts[name] = taken;
  };
  take("input_audio", countOf(details["audio_tokens"]));
  take("input_image", countOf(details["image_tokens"]));
  // OpenAI keeps 30 minutes or 12 hours: the classes of the short and the long time to live, whatever they are named.
  const long = countOf(objectOf(details["cache_write_tokens_details"])["ttl_12h_tokens"]) ?? 0;
  take("input_cache_write_1h", long);
  take("input_cache_write_5m", Math.max(0, (countOf(details["cache_write_tokens"]) ?? 0) - long));
  take("input_cache_read", first(details["cached_tokens"], hit, usage["cached_tokens"], usage["num_cached_tokens"]));
  counts.input = rest;
}

function splitOutput(
  facts: CallFacts,
  input: number,
  named: number,
  cited: number,
  usage: JsonObject,
  counts: Counts,
  doubts: string[],
): void {
  const details = objectOf(usage["completion_tokens_details"] ?? usage["output_tokens_details"]);
  const reasoning = first(details["reasoning_tokens"], usage["reasoning_tokens"]) ?? 0;
  const total = outputTotal(input, named, reasoning, cited, countOf(usage["total_tokens"]), doubts);
  // Reasoning that only the total shows (Gemini's compatible surface) is all that lies between.
  let rest = total;
  const take = (name: UsageClass, wanted: number): void => {
    const taken = Math.min(wanted, rest);
    if (taken < wanted) doubts.push(`${name} ${wanted} does not fit into output ${total}`);
    rest -= taken;
    if (taken > 0) counts[name] = taken;
  };
  take("output_audio", countOf(details["audio_tokens"]) ?? 0);
  take("output_image", countOf(details["image_tokens"]) ?? 0);
  take("output_reasoning", reasoning > 0 ? reasoning : total - named);
  if (facts.endpoint === "images_generations" && !isObject(usage["output_tokens_details"])) {
    if (rest > 0) counts.output_image = rest;
  } else if (facts.endpoint === "audio_speech") {
    if (rest > 0) counts.output_audio = rest;
  } else if (rest > 0 || facts.outputTokensMax !== 0) counts.output = rest;
}

/**
 * Is reasoning inside `completion_tokens` (OpenAI), or beside it (xAI, usually)? The reading that makes the provider's own
 * total add up; where none does, the one that costs more, with a doubt.
 */
function outputTotal(
  input: number,
  named: number,
  reasoning: number,
  cited: number,
  total: number | null,
  doubts: string[],
): number {
  const outputInTotal = total === null ? null : total - input;
  if (outputInTotal === null) {
    if (reasoning <= named) return named;
    doubts.push(`reasoning ${reasoning} is more than output ${named}, and no total says where it belongs`);
    return named + reasoning;
  }
  if (outputInTotal === named || outputInTotal === named + cited) {
    if (reasoning <= named) return named;
    doubts.push(`reasoning ${reasoning} is more than output ${named}`);
    return reasoning;
  }
  if (outputInTotal === named + reasoning || outputInTotal === named + reasoning + cited) return named + reasoning;
  // Thoughts left out of completion_tokens and counted in the total: the identity itself says how many.
  if (reasoning === 0 && cited === 0 && outputInTotal > named) return outputInTotal;
  doubts.push(
    `total ${total} is not input ${input} + output ${named}${reasoning > 0 ? ` (+ reasoning ${reasoning})` : ""}`,
  );
  return Math.max(named + reasoning, outputInTotal);
}

/** Units beside the tokens: tools that the provider ran. */
function readTools(facts: CallFacts, answer: JsonObject, usage: JsonObject, counts: Counts, doubts: string[]): void {
  if (facts.endpoint === "responses") {
    readHostedTools(answer, counts, doubts);
    return;
  }
  const searches = first(usage["num_search_queries"], usage["num_sources_used"]);
  const bound = facts.unitsMax.web_search_call ?? 0;
  // A search model of chat completions searches once a call and never reports it: the request says it.
  const count = searches ?? (bound === 1 ? 1 : 0);
  if (count > 0) counts.web_search_call = count;
  const svg = objectOf(answer["svg_usage"] ?? usage["svg_usage"]);
  const svgOutput = countOf(svg["output_tokens"]);
  if (svgOutput !== null) {
    counts.input = (counts.input ?? 0) + (countOf(svg["input_tokens"]) ?? 0);
    counts.output = (counts.output ?? 0) + svgOutput;
    doubts.push("svg_usage is of another model");
  }
}

/**
 * `tool_usage` stands beside `usage`. File searches and code interpreter containers are in no count: the output items are
 * counted. A search whose action is `open_page` or `find_in_page` is not billed.
 */
function readHostedTools(answer: JsonObject, counts: Counts, doubts: string[]): void {
  const tools = objectOf(answer["tool_usage"]);
  const containers = new Set<unknown>();
  let searches = 0;
  let files = 0;
  let images = 0;
  for (const entry of arrayOf(answer["output"])) {
    const item = objectOf(entry);
    const type = item["type"];
    if (type === "web_search_call") {
      const action = objectOf(item["action"])["type"];
      if (action !== "open_page" && action !== "find_in_page") searches++;
    } else if (type === "file_search_call") files++;
    else if (type === "code_interpreter_call") containers.add(item["container_id"] ?? item["id"] ?? item);
    else if (type === "image_generation_call") images++;
  }
  searches = countOf(objectOf(tools["web_search"])["num_requests"]) ?? searches;
  if (searches > 0) counts.web_search_call = searches;
  if (files > 0) counts.file_search_call = files;
  if (containers.size > 0) counts.code_interpreter_call = containers.size;
  const generated = objectOf(tools["image_gen"]);
  const output = countOf(generated["output_tokens"]);
  if (output === null) {
    if (images > 0) counts.image = images;
    return;
  }
  const input = countOf(generated["input_tokens"]) ?? 0;
  if (input + output === 0) return;
  const pictures = Math.min(input, countOf(objectOf(generated["input_tokens_details"])["image_tokens"]) ?? 0);
  counts.input = (counts.input ?? 0) + input - pictures;
  if (pictures > 0) counts.input_image = (counts.input_image ?? 0) + pictures;
  counts.output_image = (counts.output_image ?? 0) + output;
  doubts.push("image_gen tokens are of an image model");
}

/** What the host says it costs: OpenRouter (dollars; the upstream's bill is beside it with a key of one's own), xAI (10⁻¹⁰ dollars), Perplexity. */
function costOf(usage: JsonObject): bigint | null {
  const ticks = usage["cost_in_usd_ticks"];
  if (typeof ticks === "number" || typeof ticks === "string") return nanoOf(String(ticks), -10);
  const cost = isObject(usage["cost"]) ? usage["cost"]["total_cost"] : usage["cost"];
  if (typeof cost !== "number" && typeof cost !== "string") return null;
  const own = nanoOf(String(cost));
  if (own === null || usage["is_byok"] !== true) return own;
  const upstream = objectOf(usage["cost_details"])["upstream_inference_cost"];
  const beside = typeof upstream === "number" || typeof upstream === "string" ? nanoOf(String(upstream)) : null;
  return beside === null ? null : own + beside;
}
