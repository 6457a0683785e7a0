import { USAGE_CLASSES, type UsageClass } from "@tollhouse/contract";

/** Exact multiplier of token prices: `{ numerator: 11n, denominator: 10n }` is 1.1×. Both > 0. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Pico-dollars a unit, by class. A missing class has no price: using it makes the cost unknown, never 0. */
export type Prices = { readonly [K in UsageClass]?: bigint };

/** A cliff: with more input tokens than `aboveInputTokens` the *whole* request is rated at these prices. */
export interface Band {
  readonly aboveInputTokens: number;
  readonly pico: Prices;
}

/** One dated price of one model. Immutable; made by `createPriceRow` only, which fills in the documented fallbacks. */
export interface PriceRow {
  /** `anthropic/claude-opus-4-6@2026-03-13`; goes on the ledger entry. */
  readonly id: string;
  /** The provider that was asked (a fallback row keeps the asking provider's name). */
  readonly provider: string;
  readonly model: string;
  /** `assumed`: matched by a prefix rule, a fallback provider, or priced at an assumption. Say so wherever the cost is shown. */
  readonly match: "exact" | "assumed";
  /** The base band. */
  readonly pico: Prices;
  /** Ascending by `aboveInputTokens`. Units that are not tokens cost the same in each band. */
  readonly bands: readonly Band[];
  /** Per call, whatever was used (Perplexity's request fee). 0n = none. */
  readonly callPico: bigint;
  /** Service tiers beside the standard one; `*` = any. They multiply token prices only. */
  readonly tiers: Readonly<Record<string, Ratio>>;
  /** Places of inference beside the standard one (`us`); `*` = any. They multiply token prices only. */
  readonly geo: Readonly<Record<string, Ratio>>;
  /** Does the provider write its cache without being asked (OpenAI from GPT-5.6)? Then any input may be a cache write. */
  readonly cacheWriteUnasked: boolean;
  /** Tokens; null = not known. */
  readonly contextWindow: number | null;
  readonly outputMax: number | null;
  /** Half-open `[validFromMs, validToMs)`, Unix milliseconds; ±Infinity = no edge. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /**
   * Hours of the UTC day in which the price holds (DeepSeek's peak), `[fromMs, toMs)` of the day; null = all day. A call is
   * priced by the moment it was asked for; DeepSeek does not say which moment of a call that crosses the edge it takes.
   */
  readonly daily: { readonly fromMs: number; readonly toMs: number } | null;
}

export type PriceRowInit = Pick<PriceRow, "id" | "provider" | "model" | "pico"> & Partial<PriceRow>;

/** A price row that cannot be meant: names the field and what was expected. */
export class PriceInvalid extends Error {
  override readonly name = "PriceInvalid";
  readonly field: string;
  readonly expected: string;
  constructor(field: string, expected: string) {
    super(`${field}: expected ${expected}`);
    this.field = field;
    this.expected = expected;
  }
}

/** Units whose price has nothing to do with tokens: no band, tier or place changes it. */
export const UNIT_CLASSES: readonly UsageClass[] = USAGE_CLASSES.slice(11);

/** Checks a row and fills in the fallbacks of `withFallbacks`. Throws PriceInvalid. */
export function createPriceRow(init: PriceRowInit): PriceRow {
  const row: PriceRow = {
    match: "exact",
    callPico: 0n,
    tiers: {},
    geo: {},
    cacheWriteUnasked: false,
    contextWindow: null,
    outputMax: null,
    validFromMs: -Infinity,
    validToMs: Infinity,
    daily: null,
    ...init,
    pico: withFallbacks(init.provider, init.model, init.pico),
    bands: (init.bands ?? []).map((band) => ({
      aboveInputTokens: band.aboveInputTokens,
      pico: withFallbacks(init.provider, init.model, { ...unitPrices(init.pico), ...band.pico }),
    })),
  };
  check(row);
  return row;
}

/** Prices of a provider that costs nothing (a model on the operator's own machines): zero by statement, not by omission. */
export function freePriceRow(provider: string): PriceRow {
  const pico = Object.fromEntries(USAGE_CLASSES.map((name) => [name, 0n])) as Prices;
  const same: Record<string, Ratio> = { "*": { numerator: 1n, denominator: 1n } };
  return createPriceRow({ id: `${provider}/*@free`, provider, model: "*", pico, tiers: same, geo: same });
}

/**
 * What a class costs when the row does not price it. Each fallback is the dearest price the provider is known to use for
 * that side, so that a gap in the book can overstate a cost and never understate it:
 *
 * | class | falls back to | why |
 * |---|---|---|
 * | `input_cache_read` | `input` | a cache hit is never dearer than a miss |
 * | `input_cache_write_5m` | `input` × 1.25 for Claude, else `input` | Anthropic's published ratio; elsewhere a write without a price is an ordinary token |
 * | `input_cache_write_1h` | `input` × 2 for Claude, else the 5-minute write | the same |
 * | `input_image` | `input` | vision models count pictures as text tokens |
 * | `input_audio` | `input` for Gemini only | Google names an audio price where it differs from text |
 * | `input_audio_cached` | `input_audio` | as for text |
 * | `output_reasoning` | `output` | every provider bills thinking as output, unless the row says otherwise |
 * | `output_audio` | `output` for speech models (`-tts`) only | there the plain output *is* the speech |
 * | `output_image` | `output` for OpenAI's image models only | there the plain output *is* the picture |
 *
 * Other audio, pictures made by chat models, and units (searches, seconds, …) have no fallback: their prices bear no relation to
 * text, so their cost is unknown.
 */
function withFallbacks(provider: string, model: string, pico: Prices): Prices {
  const full: { [K in UsageClass]?: bigint } = { ...pico };
  const { input, output } = pico;
  if (input !== undefined) {
    const claude = provider === "anthropic" || model.includes("claude");
    full.input_cache_read ??= input;
    full.input_image ??= input;
    full.input_cache_write_5m ??= claude ? (input * 5n + 3n) / 4n : input;
    full.input_cache_write_1h ??= claude ? input * 2n : full.input_cache_write_5m;
  }
  if (input !== undefined && /^(google\/)?gemini-/.test(model)) full.input_audio ??= input;
  if (full.input_audio !== undefined) full.input_audio_cached ??= full.input_audio;
  if (output !== undefined) {
    full.output_reasoning ??= output;
    if (/-tts(-|$)/.test(model)) full.output_audio ??= output;
    if (/^(openai\/)?gpt-image-/.test(model)) full.output_image ??= output;
  }
  return full;
}

function unitPrices(pico: Prices): Prices {
  return Object.fromEntries(UNIT_CLASSES.flatMap((name) => (pico[name] === undefined ? [] : [[name, pico[name]]])));
}

function check(row: PriceRow): void {
  for (const prices of [row.pico, ...row.bands.map((band) => band.pico)])
    for (const [name, price] of Object.entries(prices)) {
      if (!(USAGE_CLASSES as readonly string[]).includes(name))
        throw new PriceInvalid(`${row.id}.${name}`, "the name of a usage class");
      if (typeof price !== "bigint" || price < 0n)
        throw new PriceInvalid(`${row.id}.${name}`, "whole pico-dollars a unit, 0 or more");
    }
  if (row.callPico < 0n) throw new PriceInvalid(`${row.id}.callPico`, "whole pico-dollars a call, 0 or more");
  for (const [name, ratio] of [...Object.entries(row.tiers), ...Object.entries(row.geo)])
    if (ratio.numerator < 0n || ratio.denominator <= 0n)
      throw new PriceInvalid(`${row.id}.${name}`, "a ratio of whole numbers, such as 1/2");
  let above = -1;
  for (const band of row.bands) {
    if (!Number.isSafeInteger(band.aboveInputTokens) || band.aboveInputTokens <= above)
      throw new PriceInvalid(`${row.id}.bands`, "rising whole numbers of input tokens");
    above = band.aboveInputTokens;
  }
  for (const name of ["contextWindow", "outputMax"] as const)
    if (row[name] !== null && !(Number.isSafeInteger(row[name]) && row[name] > 0))
      throw new PriceInvalid(`${row.id}.${name}`, "a whole number of tokens above 0, or null");
  if (!(row.validFromMs < row.validToMs)) throw new PriceInvalid(`${row.id}.validToMs`, "a time after validFromMs");
}
