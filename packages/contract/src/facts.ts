import type { Usage } from "./usage.ts";

/** Wire formats of model calls. Every configured provider speaks one of them. */
export type Dialect = "openai" | "anthropic" | "gemini";

export const ENDPOINTS = [
  "chat_completions",
  "completions",
  "embeddings",
  "responses",
  "moderations",
  "images_generations",
  "audio_speech",
  "audio_transcriptions",
  "audio_translations",
  "models",
  "messages",
  "count_tokens",
  "generate_content",
  "embed_content",
  "batch_embed_contents",
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/**
 * What a request can cost at most, read off its body without a tokenizer. Every bound is an upper bound of what the
 * provider can report for the request as it stands; where Tollhouse cannot see it, the flag says so.
 */
export interface CallFacts {
  readonly endpoint: Endpoint;
  /** As the client named it; empty only where the endpoint has no model (`models`). */
  readonly model: string;
  /**
   * Further models that the request lets the provider use for this call (Anthropic `fallbacks`, advisor tools): allow lists
   * and the dearest price look at them too. Absent = none.
   */
  readonly otherModels?: readonly string[];
  /** Did the client ask for a stream? */
  readonly stream: boolean;
  /** Did the client itself ask for usage in its stream (OpenAI `stream_options.include_usage`), or does its dialect always send it? */
  readonly usageAsked: boolean;
  /** Upper bound of text input tokens: UTF-8 bytes of everything that becomes text, plus framing. */
  readonly inputTokensMax: number;
  /** Upper bound of image input tokens, and of audio input tokens. */
  readonly inputImageTokensMax: number;
  readonly inputAudioTokensMax: number;
  /** Input the provider adds and we cannot see (previous_response_id, cachedContent, file ids, URLs): bound = context window. */
  readonly inputHidden: boolean;
  /** The largest output cap named by any alias, for one choice (thinking included); null = none given. */
  readonly outputTokensMax: number | null;
  /** Number of outputs billed: max(n, best_of, candidateCount, …). */
  readonly choices: number;
  /** Can the output hold tokens that do not stream as text (hidden reasoning)? */
  readonly outputHidden: boolean;
  /**
   * Explicit ceiling for hidden output tokens (thinking.budget_tokens, thinkingBudget), or null: the output cap is the only one.
   */
  readonly outputHiddenMax: number | null;
  readonly outputAudio: boolean;
  readonly outputImage: boolean;
  /** Service tier asked for (`auto`, `flex`, `priority`, …), null = not named. Also Anthropic `speed: fast` as `fast`. */
  readonly tier: string | null;
  /** Price multiplier the request itself names: Anthropic `inference_geo`; null = not named. */
  readonly geo: string | null;
  /** Does the request write a cache: 5 minutes, 1 hour, or not as far as it says. */
  readonly cacheWrite: "5m" | "1h" | null;
  /** Upper bounds of units that are not tokens (images, seconds, characters, searches); a tool without a bound: Infinity. */
  readonly unitsMax: Usage;
  /** Can the provider stream this endpoint, so that a large bound can be reserved by slices? */
  readonly streamable: boolean;
  /** True for endpoints that cost nothing (models, count_tokens, moderations). */
  readonly free: boolean;
}

/** What a provider said of one call. */
export interface UsageReport {
  /** Disjoint. */
  readonly usage: Usage;
  /** Model that served it, as the answer names it; null = the answer is silent. */
  readonly model: string | null;
  /** Service tier that served it; null = silent (then the request's tier prices it, at its dearest). */
  readonly tier: string | null;
  readonly geo: string | null;
  /** The provider's id of the response, for reconciliation; null = none. */
  readonly providerId: string | null;
  /** Cost the provider itself stated, in nano-dollars (OpenRouter, xAI); null = none. */
  readonly costNano: bigint | null;
  /** Why the numbers do not add up (clamped, identity broken); null = they do. Logged and put on the entry. */
  readonly doubt: string | null;
}
