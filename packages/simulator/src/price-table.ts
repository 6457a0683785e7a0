/**
 * What the simulator charges for one model, in US dollars per million units, as decimal text with at most six places.
 * `audioSecond` is per million seconds, `character` per million characters, `webSearch` per million searches. A class
 * that is not named costs what `input` (or `output`) costs. Numbers of 2026-11-21, as the providers publish them.
 */
export interface ModelPrice {
  readonly provider: "openai" | "anthropic" | "gemini";
  /** The name the answer gives, where it differs from the one asked for. */
  readonly servedAs?: string;
  readonly input?: string;
  readonly cacheRead?: string;
  readonly cacheWrite5m?: string;
  readonly cacheWrite1h?: string;
  readonly inputAudio?: string;
  readonly inputAudioCached?: string;
  readonly inputImage?: string;
  readonly output?: string;
  readonly outputAudio?: string;
  readonly outputImage?: string;
  readonly audioSecond?: string;
  readonly character?: string;
  readonly webSearch?: string;
  readonly groundedPrompt?: string;
  /** What the tier `priority` multiplies token prices by, where it is not 2: [numerator, denominator]. */
  readonly priority?: readonly [bigint, bigint];
  /** Prices of the *whole* request once all its input tokens, cached ones included, are more than `above`: a cliff. */
  readonly long?: LongPrice;
}

export interface LongPrice {
  readonly above: number;
  readonly input: string;
  readonly cacheRead: string;
  readonly cacheWrite5m?: string;
  readonly cacheWrite1h?: string;
  readonly output: string;
}

const SEARCH = "10000";
const GROUNDED = "35000";

export const PRICES: Readonly<Record<string, ModelPrice>> = {
  "gpt-4o-mini": {
    provider: "openai",
    servedAs: "gpt-4o-mini-2024-07-18",
    priority: [5n, 3n],
    input: "0.15",
    cacheRead: "0.075",
    output: "0.6",
    webSearch: SEARCH,
  },
  "gpt-4o": {
    provider: "openai",
    servedAs: "gpt-4o-2024-08-06",
    priority: [17n, 10n],
    input: "2.5",
    cacheRead: "1.25",
    output: "10",
    webSearch: SEARCH,
  },
  "gpt-4.1-mini": {
    provider: "openai",
    servedAs: "gpt-4.1-mini-2025-04-14",
    priority: [7n, 4n],
    input: "0.4",
    cacheRead: "0.1",
    output: "1.6",
    webSearch: SEARCH,
  },
  "gpt-5-mini": {
    provider: "openai",
    servedAs: "gpt-5-mini-2025-08-07",
    priority: [9n, 5n],
    input: "0.25",
    cacheRead: "0.025",
    output: "2",
    webSearch: SEARCH,
  },
  "o4-mini": {
    provider: "openai",
    servedAs: "o4-mini-2025-04-16",
    priority: [20n, 11n],
    input: "1.1",
    cacheRead: "0.275",
    output: "4.4",
    webSearch: SEARCH,
  },
  "gpt-audio": { provider: "openai", input: "2.5", inputAudio: "32", output: "10", outputAudio: "64" },
  "text-embedding-3-small": { provider: "openai", input: "0.02" },
  "gpt-3.5-turbo-instruct": { provider: "openai", input: "1.5", output: "2" },
  "gpt-image-1": { provider: "openai", input: "5", cacheRead: "1.25", inputImage: "10", output: "40" },
  "whisper-1": { provider: "openai", audioSecond: "100" },
  "gpt-4o-mini-transcribe": { provider: "openai", input: "1.25", inputAudio: "3", output: "5" },
  "gpt-4o-mini-tts": { provider: "openai", input: "0.6", output: "12" },
  "tts-1": { provider: "openai", character: "15" },
  "omni-moderation-latest": { provider: "openai" },
  "claude-sonnet-4-5": {
    provider: "anthropic",
    servedAs: "claude-sonnet-4-5-20250929",
    input: "3",
    cacheRead: "0.3",
    cacheWrite5m: "3.75",
    cacheWrite1h: "6",
    output: "15",
    webSearch: SEARCH,
    long: { above: 200_000, input: "6", cacheRead: "0.6", cacheWrite5m: "7.5", cacheWrite1h: "12", output: "22.5" },
  },
  "claude-haiku-4-5": {
    provider: "anthropic",
    servedAs: "claude-haiku-4-5-20251001",
    input: "1",
    cacheRead: "0.1",
    cacheWrite5m: "1.25",
    cacheWrite1h: "2",
    output: "5",
    webSearch: SEARCH,
  },
  "claude-opus-4-5": {
    provider: "anthropic",
    servedAs: "claude-opus-4-5-20251101",
    input: "5",
    cacheRead: "0.5",
    cacheWrite5m: "6.25",
    cacheWrite1h: "10",
    output: "25",
    webSearch: SEARCH,
  },
  "gemini-2.5-flash": {
    provider: "gemini",
    input: "0.3",
    cacheRead: "0.03",
    inputAudio: "1",
    inputAudioCached: "0.1",
    output: "2.5",
    groundedPrompt: GROUNDED,
  },
  "gemini-2.5-pro": {
    provider: "gemini",
    input: "1.25",
    cacheRead: "0.125",
    output: "10",
    groundedPrompt: GROUNDED,
    long: { above: 200_000, input: "2.5", cacheRead: "0.25", output: "15" },
  },
  "gemini-2.5-flash-lite": {
    provider: "gemini",
    input: "0.1",
    cacheRead: "0.01",
    inputAudio: "0.3",
    inputAudioCached: "0.03",
    output: "0.4",
    groundedPrompt: GROUNDED,
  },
  "gemini-embedding-001": { provider: "gemini", input: "0.15" },
};

/**
 * Any model whose name begins so is served, at these prices in the simulator's own bill: a model that Tollhouse has no price for.
 */
export const UNPRICED_PREFIX = "unpriced-";
export const UNPRICED: Omit<ModelPrice, "provider"> = { input: "1", output: "2" };

/** Service tiers that change the token prices of a call: [numerator, denominator]. A tier not named is the standard price. */
export const TIER_FACTORS: Readonly<Record<string, Readonly<Record<string, readonly [bigint, bigint]>>>> = {
  openai: { flex: [1n, 2n], batch: [1n, 2n], priority: [2n, 1n] },
  anthropic: { batch: [1n, 2n] },
  gemini: { flex: [1n, 2n], batch: [1n, 2n], priority: [2n, 1n] },
};
