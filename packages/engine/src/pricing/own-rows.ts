/**
 * What the seed price list (@pydantic/genai-prices) lacks, written by hand and read only by scripts/build-price-book.ts. A price
 * here is US dollars as a decimal text: per *million* for tokens, per *one* for calls, images, seconds and characters.
 * Each line says where it comes from; change `APPROVED_ON` with it, then run the script and read the difference.
 */

/** The day a person last read the difference of the price book. */
export const APPROVED_ON = "2026-11-21";

/** Providers that can be routed to. The rest of the seed (resellers without an API of their own, dead hosts) stays out. */
export const PROVIDERS_KEPT = [
  "anthropic",
  "aws",
  "azure",
  "cerebras",
  "cohere",
  "deepseek",
  "fireworks",
  "google",
  "groq",
  "minimax",
  "mistral",
  "moonshotai",
  "novita",
  "openai",
  "openrouter",
  "ovhcloud",
  "perplexity",
  "together",
  "x-ai",
  "zai",
] as const;

/** Ids whose empty price in the seed means *free*; any other empty price means *unknown* and is left out. */
export const FREE_MODELS: readonly RegExp[] = [
  /:free$/, // OpenRouter, Azure and Mistral mark a free variant in its name.
  /^openai\/moderation$/, // "The moderation endpoint is free to use": developers.openai.com/api/docs/guides/moderation
  /^google\/gemma-(3|3n|4-26b-a4b-it|4-31b-it)$/, // No paid tier on the Gemini API: ai.google.dev/gemini-api/docs/pricing
];

export interface ProviderChange {
  readonly fallback?: string;
  /** Service tiers as ratios to the standard price. A tier that is not here is unknown, and so is its cost. */
  readonly tiers?: string;
  readonly geo?: string;
}

export const PROVIDER_CHANGES: Readonly<Record<string, ProviderChange>> = {
  // developers.openai.com/api/docs/pricing: batch and flex half; openai.com/api-fast-mode: 2× but for the models below.
  // Scale is prepaid units: rated at standard, so that a call under it is never 0.
  openai: { tiers: "batch 1/2, flex 1/2, priority 2/1, fast 2/1, scale 1/1" },
  // Azure's price sheet follows OpenAI's; its meters name Batch, Flex ("Fl") and Priority Processing ("PP", 2×).
  // Provisioned units are prepaid: rated at standard. Data zones: +10%.
  azure: { tiers: "batch 1/2, flex 1/2, priority 2/1, provisioned 1/1", geo: "datazone 11/10, regional 11/10" },
  // platform.claude.com pricing: batch half. Priority is prepaid capacity and left out of Anthropic's own cost report: rated
  // at standard. `inference_geo` global is the standard price.
  anthropic: { tiers: "batch 1/2, priority 1/1" },
  // ai.google.dev pricing: batch and flex half, priority +75% to +100%: the dearer. Provisioned throughput is prepaid.
  google: { tiers: "batch 1/2, flex 1/2, priority 2/1, provisioned 1/1" },
  // console.groq.com/docs/service-tiers: flex costs as on demand; batch half.
  groq: { tiers: "batch 1/2, flex 1/1" },
  mistral: { tiers: "batch 1/2" },
  // docs.x.ai priority processing: "a premium token price", batch 20-50% off. xAI also states each cost exactly, which wins.
  "x-ai": { tiers: "batch 4/5, priority 2/1" },
};

export interface PriceMultiple {
  readonly name: string;
  readonly of: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export interface ModelChange {
  readonly provider: string;
  /** Tested against the seed's model name; every change that matches is applied, in order. */
  readonly model: RegExp;
  readonly tiers?: string;
  readonly geo?: string;
  readonly outputMax?: number;
  readonly contextWindow?: number;
  readonly cacheWriteUnasked?: boolean;
  /** True where the price rests on an assumption that the comment states. */
  readonly assumed?: boolean;
  /** Only for classes the seed does not price. */
  readonly prices?: Readonly<Record<string, string>>;
  /** A class the seed does not price, as a multiple of one it does; in bands too. */
  readonly multiple?: PriceMultiple;
  /** In place of what the seed says. */
  readonly replaces?: Readonly<Record<string, string>>;
}

const OPENAI_TIERS = (numerator: number, denominator: number) =>
  `batch 1/2, flex 1/2, priority ${numerator}/${denominator}, fast ${numerator}/${denominator}, scale 1/1`;

/** Regional processing adds 10% to models released from 2026-03-05 on (GPT-5.4); the place is that of the host asked. */
const OPENAI_PLACES = ["ae", "au", "ca", "eu", "gb", "in", "jp", "kr", "sg", "us"];
const OPENAI_GEO = (ratio: string) => OPENAI_PLACES.map((place) => `${place} ${ratio}`).join(", ");

export const MODEL_CHANGES: readonly ModelChange[] = [
  // OpenAI: priority ("fast mode") prices that are not 2×: openai.com/api-priority-processing, openai.com/api-fast-mode.
  { provider: "openai", model: /^gpt-5\.5$/, tiers: OPENAI_TIERS(5, 2) },
  { provider: "openai", model: /^gpt-5-mini$/, tiers: OPENAI_TIERS(9, 5) },
  { provider: "openai", model: /^(gpt-4\.1|gpt-4\.1-mini|o3|gpt-4o-2024-05-13)$/, tiers: OPENAI_TIERS(7, 4) },
  { provider: "openai", model: /^gpt-4o$/, tiers: OPENAI_TIERS(17, 10) },
  { provider: "openai", model: /^gpt-4o-mini$/, tiers: OPENAI_TIERS(5, 3) },
  { provider: "openai", model: /^o4-mini$/, tiers: OPENAI_TIERS(20, 11) },
  { provider: "openai", model: /./, geo: OPENAI_GEO("1/1") },
  { provider: "openai", model: /^gpt-(5\.[4-9]|6)/, geo: OPENAI_GEO("11/10") },
  // Cache writes cost 1.25× from the GPT-5.6 family on, asked for or not; before it they cost what input costs.
  { provider: "openai", model: /^gpt-(5\.[6-9]|6)/, cacheWriteUnasked: true },
  // A write kept for 12 hours costs 2.5× (GPT-6.1 Terra's model page); it is the long write of the usage classes. Assumed for the
  // rest of these families, whose pages list no price of their own.
  {
    provider: "openai",
    model: /^gpt-(5\.[6-9]|6)/,
    multiple: { name: "input_cache_write_1h", of: "input", numerator: 5n, denominator: 2n },
  },
  // Built-in tools, developers.openai.com/api/docs/pricing: search $10, file search $2.50 per 1,000 calls; a code interpreter
  // container of 1 GB $0.03 a session. A container asked for with more memory (up to $1.92) cannot be told from the usage.
  {
    provider: "openai",
    model: /^(gpt-(4o|4\.1|5|6)|o1|o3|o4|computer-use|codex)/,
    prices: { web_search_call: "0.01", file_search_call: "0.0025", code_interpreter_call: "0.03" },
  },
  // The search-preview models keep the price of the old tool, $25 per 1,000.
  { provider: "openai", model: /^gpt-4o-search-preview/, replaces: { web_search_call: "0.025" } },
  // Audio tokens of the chat models, which the seed prices as text only. The 2024-10-01 snapshot's $100 and $200 are the
  // dearest that the prefix covers.
  {
    provider: "openai",
    model: /^gpt-4o-audio-preview$/,
    prices: { input_audio: "100", output_audio: "200" },
    assumed: true,
  },
  { provider: "openai", model: /^gpt-4o-mini-audio-preview$/, prices: { input_audio: "10", output_audio: "20" } },
  // Speech of gpt-4o-mini-tts is billed in audio tokens that a raw audio answer does not report. Assumed: slow speech of 10
  // characters a second at 20 tokens a second = 2 tokens ($12 per million) a character, and the character's own input.
  {
    provider: "openai",
    model: /^gpt-4o-mini-tts$/,
    prices: { character: "0.000025" },
    assumed: true,
    outputMax: 16_384,
  },
  // Output limits, developers.openai.com/api/docs/models. They bound a call that names no cap; unknown ones fall back to the
  // context window.
  { provider: "openai", model: /^gpt-3\.5|^gpt-4-turbo|^gpt-4-vision|^gpt-4o-2024-05-13/, outputMax: 4_096 },
  { provider: "openai", model: /^gpt-4$/, outputMax: 8_192 },
  {
    provider: "openai",
    model: /^gpt-4o$|^gpt-4o-mini$|^gpt-4o-(mini-)?(audio|search)|^chatgpt-4o|^gpt-audio/,
    outputMax: 16_384,
  },
  { provider: "openai", model: /^gpt-4\.1/, outputMax: 32_768 },
  { provider: "openai", model: /^gpt-5/, outputMax: 128_000 },
  { provider: "openai", model: /^gpt-5-pro$/, outputMax: 272_000 },
  { provider: "openai", model: /^gpt-6\.1/, outputMax: 128_000 },
  { provider: "openai", model: /^(o1|o3|o4-mini)/, outputMax: 100_000 },
  { provider: "openai", model: /realtime/, outputMax: 4_096 },
  { provider: "openai", model: /^gpt-4o(-mini)?-transcribe/, outputMax: 16_000 },
  // 6,240 tokens for the largest high-quality picture, and 100 for each partial one; gpt-image-2 draws up to 4K.
  { provider: "openai", model: /^gpt-image-1/, outputMax: 8_192 },
  { provider: "openai", model: /^gpt-image-2/, outputMax: 32_768 },

  // Anthropic: US-only inference 1.1× on every token class from the 4.6 models on; earlier ones answer `not_available`.
  {
    provider: "anthropic",
    model: /^claude-(opus-4-[6-9]|sonnet-4-[6-9]|opus-[5-9]|sonnet-[5-9]|haiku-[5-9]|fable|mythos)/,
    geo: "us 11/10",
  },
  // Fast mode: 2× on Opus 4.8 and later; 6× while Opus 4.6 and 4.7 had it (code.claude.com/docs/en/fast-mode).
  { provider: "anthropic", model: /^claude-opus-(4-8|5|5-5)$/, tiers: "batch 1/2, priority 1/1, fast 2/1" },
  { provider: "anthropic", model: /^claude-opus-4-[67]$/, tiers: "batch 1/2, priority 1/1, fast 6/1" },
  // Server tools: search $10 per 1,000; fetch costs only its tokens; code execution $0.05 an hour a container, of which a call
  // is rated one (free beside search or fetch of 20260209 and later, and for 1,550 hours a month: the ledger may overstate).
  {
    provider: "anthropic",
    model: /^claude/,
    prices: { web_search_call: "0.01", web_fetch_call: "0", code_interpreter_call: "0.05" },
  },
  { provider: "anthropic", model: /^claude-3-(haiku|opus|sonnet)/, outputMax: 4_096 },
  { provider: "anthropic", model: /^claude-3-5/, outputMax: 8_192 },
  { provider: "anthropic", model: /^claude-3-7/, outputMax: 128_000 },
  { provider: "anthropic", model: /^claude-opus-4-[01]$/, outputMax: 32_000 },
  { provider: "anthropic", model: /^claude-(sonnet-4-[05]|haiku-4-5|opus-4-5)$/, outputMax: 64_000 },
  {
    provider: "anthropic",
    model: /^claude-(opus-4-[6-8]|sonnet-4-6|opus-5|sonnet-5|haiku-5|fable|mythos)/,
    outputMax: 128_000,
  },

  // Gemini: grounding $35 per 1,000 grounded prompts on 2.x, $14 per 1,000 search queries on 3.x; file search and code
  // execution cost only their tokens (ai.google.dev/gemini-api/docs/pricing). Free daily allowances belong to a project, not
  // to a call: the ledger overstates until they are used up.
  { provider: "google", model: /^gemini-(live-)?2/, prices: { grounded_prompt: "0.035" } },
  { provider: "google", model: /^gemini-3/, prices: { web_search_call: "0.014", grounded_prompt: "0.014" } },
  {
    provider: "google",
    model: /^gemini-/,
    prices: { web_fetch_call: "0", file_search_call: "0", code_interpreter_call: "0" },
  },
  { provider: "google", model: /^gemini-(1\.5|2\.0|flash-1\.5|pro-1\.5)/, outputMax: 8_192 },
  { provider: "google", model: /^gemini-(2\.5|3)/, outputMax: 65_536 },
  { provider: "google", model: /^gemini-2\.5-pro$|^gemini-3(\.1)?-pro-preview$/, contextWindow: 1_048_576 },

  // xAI server tools per 1,000 calls: search $5, code $5, collections $2.50 (docs.x.ai/developers/pricing).
  {
    provider: "x-ai",
    model: /^grok-[34]/,
    prices: { web_search_call: "0.005", code_interpreter_call: "0.005", file_search_call: "0.0025" },
  },
];

export interface OwnPrices {
  /** Midnight UTC; absent = from the beginning. */
  readonly from?: string;
  readonly prices: Readonly<Record<string, string>>;
  /** With more input tokens than that, the whole request costs these. */
  readonly above?: { readonly inputTokens: number; readonly prices: Readonly<Record<string, string>> };
}

export interface OwnModel {
  readonly provider: string;
  readonly model: string;
  readonly ids?: string;
  readonly like?: string;
  readonly assumed?: boolean;
  readonly contextWindow?: number;
  readonly outputMax?: number;
  readonly dated: readonly OwnPrices[];
}

/** Input, cache read, 5-minute write, output; then the 1-hour write, where it is no `multiple`. */
function text(input: string, read: string, write: string, output: string, writeLong?: string): Record<string, string> {
  return {
    input,
    input_cache_read: read,
    input_cache_write_5m: write,
    ...(writeLong === undefined ? {} : { input_cache_write_1h: writeLong }),
    output,
  };
}

/** Models the seed does not know, or knows only by an older model's prefix. They are looked at before the seed's rules. */
export const OWN_MODELS: readonly OwnModel[] = [
  // developers.openai.com/api/docs/models/gpt-6.1-sol, gpt-6.1-terra: whole-request cliff above 272K, fast 2×, flex half.
  {
    provider: "openai",
    model: "gpt-6.1-sol",
    like: "^gpt-6\\.1-sol-\\d{4}-\\d{2}-\\d{2}$",
    contextWindow: 1_050_000,
    dated: [
      {
        from: "2026-09-29",
        prices: text("2", "0.10", "2.50", "10"),
        above: { inputTokens: 272_000, prices: text("4", "0.20", "5", "15") },
      },
    ],
  },
  {
    provider: "openai",
    model: "gpt-6.1-terra",
    like: "^gpt-6\\.1-terra-\\d{4}-\\d{2}-\\d{2}$",
    contextWindow: 1_050_000,
    dated: [
      {
        from: "2026-10-26",
        prices: text("1", "0.05", "1.25", "5"),
        above: { inputTokens: 272_000, prices: text("2", "0.10", "2.50", "7.50") },
      },
    ],
  },
  // platform.claude.com/docs/en/about-claude/pricing, and each model's overview there.
  {
    provider: "anthropic",
    model: "claude-sonnet-5-5",
    like: "^claude-sonnet-5-5-\\d{8}$",
    contextWindow: 1_000_000,
    dated: [
      { from: "2026-09-28", prices: text("2", "0.20", "2.50", "10", "4") },
      { from: "2026-10-07", prices: text("2", "0.10", "2.50", "10", "4") },
    ],
  },
  {
    provider: "anthropic",
    model: "claude-haiku-5-5",
    like: "^claude-haiku-5-5-\\d{8}$",
    contextWindow: 1_000_000,
    dated: [
      {
        from: "2026-10-07",
        prices: text("0.10", "0.01", "0.125", "0.50", "0.20"),
        above: { inputTokens: 100_000, prices: text("0.50", "0.05", "0.625", "2.50", "1") },
      },
    ],
  },
  {
    provider: "anthropic",
    model: "claude-mythos-5",
    like: "^claude-mythos-5-\\d{8}$",
    contextWindow: 1_000_000,
    dated: [{ prices: text("10", "1", "12.50", "50", "20") }],
  },
  {
    provider: "anthropic",
    model: "claude-mythos-5-1",
    like: "^claude-mythos-5-1-\\d{8}$",
    contextWindow: 1_000_000,
    dated: [{ prices: text("10", "0.25", "12.50", "50", "20") }],
  },
  // $8 and $40 from 2026-11-09, as a reseller quotes Anthropic's list price; the cache read was not seen. Assumed: 0.1×, the
  // dearest ratio that any Claude model has.
  {
    provider: "anthropic",
    model: "claude-fable-5-2",
    like: "^claude-fable-5-2-\\d{8}$",
    assumed: true,
    contextWindow: 1_000_000,
    dated: [{ from: "2026-11-09", prices: text("8", "0.80", "10", "40", "16") }],
  },
  // docs.x.ai/developers/grok-4-7: $2 and $6, cached $0.50; twice that from 200,000 input tokens on.
  {
    provider: "x-ai",
    model: "grok-4.7",
    ids: "grok-4.7-latest x-ai/grok-4.7",
    contextWindow: 500_000,
    dated: [
      {
        from: "2026-09-21",
        prices: { input: "2", input_cache_read: "0.50", output: "6" },
        above: { inputTokens: 199_999, prices: { input: "4", input_cache_read: "1", output: "12" } },
      },
    ],
  },
  // Per character of input: developers.openai.com/api/docs/models/tts-1, tts-1-hd ($15 and $30 per million).
  { provider: "openai", model: "tts-1", ids: "tts-1-1106", dated: [{ prices: { character: "0.000015" } }] },
  { provider: "openai", model: "tts-1-hd", ids: "tts-1-hd-1106", dated: [{ prices: { character: "0.00003" } }] },
  // Per picture; the size and quality are not in the usage, so the dearest one is assumed.
  { provider: "openai", model: "dall-e-2", assumed: true, dated: [{ prices: { image: "0.02" } }] },
  { provider: "openai", model: "dall-e-3", assumed: true, dated: [{ prices: { image: "0.12" } }] },
];
