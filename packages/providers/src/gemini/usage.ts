import type { CallFacts, Usage, UsageReport } from "@tollhouse/contract";
import { isObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { billsByPrompt } from "./tools.ts";

/** What an answer, streamed or whole, says of its own cost. */
export interface AnswerSeen {
  /** `usageMetadata`; of a stream, the last. */
  readonly usage: unknown;
  readonly modelVersion: unknown;
  readonly responseId: unknown;
  /** Search queries made, over all candidates. */
  readonly searches: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** No call has a million million tokens: a count above it is damage, and its sum would leave the safe integers. */
const COUNT_MAX = 1e12;

/** Vertex says the tier here instead of in a header. */
const TIER_OF_TRAFFIC: Readonly<Record<string, string>> = {
  ON_DEMAND: "standard",
  ON_DEMAND_PRIORITY: "priority",
  ON_DEMAND_FLEX: "flex",
  ON_DEMAND_OFFPEAK: "offpeak",
  PROVISIONED_THROUGHPUT: "provisioned",
};

/**
 * Disjoint usage. Cached tokens are inside the prompt; tool results stand beside it; thoughts stand beside the candidates;
 * `*TokensDetails` partition each by modality. A count of zero is usually left out, so a missing field is zero here — but
 * metadata without any count is no usage. Never throws.
 */
export function reportOf(seen: AnswerSeen, facts: CallFacts): UsageReport | null {
  const usage = seen.usage;
  if (!isObject(usage) || !COUNTS.some((key) => count(usage[key]) !== null)) return null;
  const doubts: string[] = [];
  const model = textOf(seen.modelVersion);
  const tokens = tokensOf(usage, doubts);
  return {
    usage: { ...tokens, ...searchUnits(seen.searches, facts) },
    model,
    tier: tierOf(seen, usage),
    geo: null,
    providerId: textOf(seen.responseId),
    costNano: null,
    doubt: doubts.length === 0 ? null : doubts.join("; "),
  };
}

/** Queries of one candidate's grounding. */
export function searchesOf(candidate: unknown): number {
  const grounding = isObject(candidate) ? candidate["groundingMetadata"] : null;
  if (!isObject(grounding)) return 0;
  let queries = 0;
  for (const key of ["webSearchQueries", "imageSearchQueries"]) {
    const list = grounding[key];
    if (Array.isArray(list)) queries += list.filter((query) => query !== "").length;
  }
  // Sources without queries: it was grounded all the same, and at least one search was made for it.
  const chunks = grounding["groundingChunks"];
  return queries === 0 && Array.isArray(chunks) && chunks.length > 0 ? 1 : queries;
}

const COUNTS = [
  "promptTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
  "toolUsePromptTokenCount",
  "totalTokenCount",
] as const;

interface Modalities {
  text: number;
  image: number;
  audio: number;
}

function tokensOf(usage: JsonObject, doubts: string[]): Usage {
  const prompt = readCount(usage, "promptTokenCount", doubts);
  const toolUse = readCount(usage, "toolUsePromptTokenCount", doubts);
  const candidates = readCount(usage, "candidatesTokenCount", doubts);
  const thoughts = readCount(usage, "thoughtsTokenCount", doubts);
  const input = byModality(usage["promptTokensDetails"], prompt, "promptTokensDetails", doubts);
  const cached = takeCached(usage, input, doubts);
  const tools = byModality(usage["toolUsePromptTokensDetails"], toolUse, "toolUsePromptTokensDetails", doubts);
  const output = byModality(usage["candidatesTokensDetails"], candidates, "candidatesTokensDetails", doubts);
  output.text += unexplained(usage, prompt + toolUse + candidates + thoughts, doubts);
  return {
    input: input.text + tools.text,
    ...present("input_cache_read", cached.text + cached.image),
    ...present("input_audio", input.audio + tools.audio),
    ...present("input_audio_cached", cached.audio),
    ...present("input_image", input.image + tools.image),
    output: output.text,
    ...present("output_reasoning", thoughts),
    ...present("output_audio", output.audio),
    ...present("output_image", output.image),
  };
}

/** The total is prompt + tools + candidates + thoughts. A larger one is priced as output, the dearest reading of it. */
function unexplained(usage: JsonObject, sum: number, doubts: string[]): number {
  const total = count(usage["totalTokenCount"]);
  if (total === null || total === sum) return 0;
  doubts.push(`totalTokenCount ${total} is not the sum of its parts ${sum}`);
  return Math.max(0, total - sum);
}

/** What the details leave unsaid is text. Video and documents are rated as text. Details above the count are believed. */
function byModality(details: unknown, total: number, name: string, doubts: string[]): Modalities {
  const split: Modalities = { text: 0, image: 0, audio: 0 };
  if (!Array.isArray(details) || details.length === 0) return { ...split, text: total };
  for (const detail of details) {
    if (!isObject(detail)) continue;
    const tokens = readCount(detail, "tokenCount", doubts);
    if (detail["modality"] === "AUDIO") split.audio += tokens;
    else if (detail["modality"] === "IMAGE") split.image += tokens;
    else split.text += tokens;
  }
  const sum = split.text + split.image + split.audio;
  if (sum !== total) doubts.push(`${name} add up to ${sum}, not ${total}`);
  split.text += Math.max(0, total - sum);
  return split;
}

/** Moves the cached tokens out of the prompt. Where their modality is not said, text goes first: audio is dearer uncached. */
function takeCached(usage: JsonObject, input: Modalities, doubts: string[]): Modalities {
  const total = readCount(usage, "cachedContentTokenCount", doubts);
  const said = byModality(usage["cacheTokensDetails"], total, "cacheTokensDetails", doubts);
  const taken: Modalities = { text: 0, image: 0, audio: 0 };
  let rest = 0;
  for (const kind of MODALITY_KINDS) rest += said[kind] - take(kind, said[kind], input, taken);
  for (const kind of MODALITY_KINDS) rest -= take(kind, rest, input, taken);
  if (rest > 0) doubts.push(`cached tokens ${total} above the prompt: clamped`);
  return taken;
}

const MODALITY_KINDS = ["text", "image", "audio"] as const;

function take(kind: keyof Modalities, wanted: number, from: Modalities, to: Modalities): number {
  const amount = Math.min(wanted, from[kind]);
  from[kind] -= amount;
  to[kind] += amount;
  return amount;
}

function searchUnits(searches: number, facts: CallFacts): Usage {
  if (searches === 0) return {};
  return billsByPrompt(facts.model) ? { grounded_prompt: 1 } : { web_search_call: searches };
}

/** Priority falls back to standard without a word in the body: only this header tells. */
function tierOf(seen: AnswerSeen, usage: JsonObject): string | null {
  const header = seen.headers["x-gemini-service-tier"];
  if (header !== undefined && header !== "") return header.toLowerCase();
  const traffic = textOf(usage["trafficType"]);
  const tier = traffic !== null && Object.hasOwn(TIER_OF_TRAFFIC, traffic) ? TIER_OF_TRAFFIC[traffic] : undefined;
  return tier ?? textOf(usage["serviceTier"])?.toLowerCase() ?? null;
}

function present(name: keyof Usage, tokens: number): Usage {
  return tokens > 0 ? { [name]: tokens } : {};
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX ? value : null;
}

function readCount(object: JsonObject, key: string, doubts: string[]): number {
  const value = object[key] ?? 0;
  const read = count(value);
  if (read === null) doubts.push(`${key} is no count`);
  return read ?? 0;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
