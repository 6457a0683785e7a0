import { INPUT_CLASSES, type CallFacts, type Endpoint, type UsageClass } from "@tollhouse/contract";
import { NANO_MAX, picoToNanoUp } from "../money/amount.ts";
import type { Amounts } from "../limits/limit.ts";
import { UNIT_CLASSES, type PriceRow, type Ratio } from "./price-row.ts";
import { isTierUnnamed, placeRatio, SERVED_STANDARD, tierRatio, type Served } from "./served.ts";

/**
 * What a call can cost at most. For every usage the provider can report within the facts: `rate(usage) ≤ boundAmounts(e).usd`
 * (E10, estimate.property.test.ts). Amounts are nano-dollars, rounded up.
 */
export interface Estimate {
  /** All of the input at its dearest, request fee and `unitsUsd` included. */
  readonly inputUsd: bigint;
  /** The part of `inputUsd` that is units with a bound (searches, seconds, characters, pictures). */
  readonly unitsUsd: bigint;
  readonly inputTokens: bigint;
  /** Pico-dollars of one output token at its dearest class, band, tier and place, rounded up. */
  readonly outputPico: bigint;
  /** Of all choices together: the client's cap, else the model's, else the context window, else 1,000,000. */
  readonly outputTokensMax: number;
  /** Output tokens that do not stream (hidden reasoning): hold them from the start. ≤ outputTokensMax. */
  readonly hiddenTokensMax: number;
  /** False where a unit has no bound: the amounts are then *without* it, and the call must be refused, clamped or watched. */
  readonly bounded: boolean;
  /** The units without a bound, and what one of each costs together. */
  readonly unboundedUnits: readonly UsageClass[];
  readonly unboundedUnitUsd: bigint;
}

/** A window of tokens for a model of which neither the output limit nor the context window is known. */
const OUTPUT_TOKENS_UNKNOWN = 1_000_000;
/** The largest context window any provider offers; for input that cannot be seen on a model whose window is not known. */
const CONTEXT_WINDOW_UNKNOWN = 2_000_000;

const WITHOUT_OUTPUT: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "embeddings",
  "embed_content",
  "batch_embed_contents",
  "moderations",
  "models",
  "count_tokens",
]);

/** Calls during which the provider adds input of its own and may cache it. */
const SERVER_TOOLS: readonly UsageClass[] = [
  "web_search_call",
  "web_fetch_call",
  "file_search_call",
  "code_interpreter_call",
  "grounded_prompt",
];

/** One thing, billed in units by some models and in tokens by others: a missing unit price is no gap where tokens are priced. */
const UNIT_OR_TOKENS: { readonly [K in UsageClass]?: UsageClass } = {
  audio_second: "input",
  character: "output",
  image: "output_image",
};

const FREE: Estimate = {
  inputUsd: 0n,
  unitsUsd: 0n,
  inputTokens: 0n,
  outputPico: 0n,
  outputTokensMax: 0,
  hiddenTokensMax: 0,
  bounded: true,
  unboundedUnits: [],
  unboundedUnitUsd: 0n,
};

/**
 * `exactInputTokens`: the text input as a tokenizer counted it, framing included; null = use the byte bound of the facts.
 * Null = no bound exists: something the call may use has no price, or the tier or place asked for is not in the row.
 *
 * **Tiers.** A named tier is held at its own price or the standard one, whichever is dearer: providers downgrade silently. A
 * call that names none (or `auto`) is held at the *standard* price, not at the dearest tier the model has. A provider's project
 * can be set to serve such calls as `priority`, but that is one setting of one project: doubling the hold of each call of all
 * others would refuse work that their budgets could pay for. Whoever has that setting says so in `unnamed`, and the gateway
 * passes there what the last answers to unnamed calls through the same provider key said (places of inference likewise:
 * Anthropic workspaces have a default). At worst one call overruns before that is known; it is recorded as an overrun.
 */
export function estimate(
  facts: CallFacts,
  row: PriceRow,
  exactInputTokens: number | null,
  unnamed: Served = SERVED_STANDARD,
): Estimate | null {
  if (facts.free) return FREE;
  const ratio = dearestRatio(facts, row, unnamed);
  const units = priceUnits(facts, row);
  if (ratio === null || units === null) return null;
  const billedInTokens = row.pico.input !== undefined || row.pico.output !== undefined;
  const input = billedInTokens ? priceInput(facts, row, exactInputTokens) : { tokens: 0, pico: 0n };
  if (input === null) return null;
  const withOutput = billedInTokens && !WITHOUT_OUTPUT.has(facts.endpoint);
  const outputPico = withOutput ? dearest(row, outputClasses(facts, row), input.tokens) : 0n;
  if (outputPico === null) return null;
  const outputTokensMax = withOutput ? outputBound(facts, row) : 0;
  const divisor = ratio.denominator;
  return {
    inputUsd: upToMax(picoToNanoUp(input.pico * ratio.numerator + units.pico * divisor, divisor)),
    unitsUsd: upToMax(picoToNanoUp(units.pico)),
    inputTokens: BigInt(input.tokens),
    outputPico: (outputPico * ratio.numerator + divisor - 1n) / divisor,
    outputTokensMax,
    hiddenTokensMax: facts.outputHidden ? hiddenBound(facts, outputTokensMax) : 0,
    bounded: units.unbounded.length === 0,
    unboundedUnits: units.unbounded,
    unboundedUnitUsd: upToMax(picoToNanoUp(units.unboundedPico)),
  };
}

/** The whole call at its dearest. A bound only where `e.bounded`. */
export function boundAmounts(e: Estimate): Amounts {
  return sliceAmounts(e, e.outputTokensMax);
}

/**
 * Input and a first slice of output (hidden tokens counted in by the caller). More than the call can produce is cut to that.
 * Later slices: `outputAmounts`.
 */
export function sliceAmounts(e: Estimate, outputTokens: number): Amounts {
  const output = outputAmounts(e, outputTokens);
  return { usd: upToMax(e.inputUsd + output.usd), tokens: upToMax(e.inputTokens + output.tokens), requests: 1n };
}

/** What more output tokens add to a reservation: the amount of an extension. */
export function outputAmounts(e: Estimate, outputTokens: number): Amounts {
  const tokens = BigInt(Math.min(Math.ceil(outputTokens), e.outputTokensMax));
  return { usd: upToMax(picoToNanoUp(e.outputPico * tokens)), tokens, requests: 0n };
}

function dearestRatio(facts: CallFacts, row: PriceRow, unnamed: Served): Ratio | null {
  const tier = tierRatio(row, isTierUnnamed(facts.tier) ? unnamed.tier : facts.tier);
  const place = placeRatio(row, facts.geo ?? unnamed.geo);
  if (tier === null || place === null) return null;
  const [left, right] = [atLeastOne(tier), atLeastOne(place)];
  return { numerator: left.numerator * right.numerator, denominator: left.denominator * right.denominator };
}

function atLeastOne(ratio: Ratio): Ratio {
  return ratio.numerator < ratio.denominator ? { numerator: 1n, denominator: 1n } : ratio;
}

/** Input tokens and their pico-dollars before tier and place. Null = audio that has no price. */
function priceInput(
  facts: CallFacts,
  row: PriceRow,
  exactInputTokens: number | null,
): { tokens: number; pico: bigint } | null {
  const text = exactInputTokens ?? facts.inputTokensMax;
  const seen = text + facts.inputImageTokensMax + facts.inputAudioTokensMax;
  if (facts.inputHidden || !Number.isFinite(seen)) {
    const tokens = Math.max(row.contextWindow ?? CONTEXT_WINDOW_UNKNOWN, Number.isFinite(seen) ? Math.ceil(seen) : 0);
    const price = dearest(row, INPUT_CLASSES, tokens);
    return price === null ? null : { tokens, pico: BigInt(tokens) * price };
  }
  const classes = textClasses(facts, row);
  const textPrice = dearest(row, classes, seen) ?? 0n;
  const imagePrice = dearest(row, ["input_image", ...classes], seen) ?? 0n;
  const audioPrice = dearest(row, ["input_audio", "input_audio_cached", ...classes], seen);
  if (facts.inputAudioTokensMax > 0 && row.pico.input_audio === undefined) return null;
  const pico =
    whole(text) * textPrice +
    whole(facts.inputImageTokensMax) * imagePrice +
    whole(facts.inputAudioTokensMax) * (audioPrice ?? 0n);
  return {
    tokens: Math.ceil(text) + Math.ceil(facts.inputImageTokensMax) + Math.ceil(facts.inputAudioTokensMax),
    pico,
  };
}

/**
 * Classes that visible text can be billed in. Cache writes only where something writes a cache: the request, the provider by
 * itself (OpenAI from GPT-5.6), or a server tool (Anthropic adds 5-minute writes). Otherwise every Claude call would hold 25 %
 * to 100 % more input than it can cost.
 */
function textClasses(facts: CallFacts, row: PriceRow): readonly UsageClass[] {
  if (facts.cacheWrite === "1h") return TEXT_CLASSES;
  if (
    facts.cacheWrite === "5m" ||
    row.cacheWriteUnasked ||
    SERVER_TOOLS.some((name) => (facts.unitsMax[name] ?? 0) > 0)
  )
    return TEXT_CLASSES_5M;
  return TEXT_CLASSES_UNWRITTEN;
}

const TEXT_CLASSES: readonly UsageClass[] = INPUT_CLASSES.slice(0, 4);
const TEXT_CLASSES_5M: readonly UsageClass[] = INPUT_CLASSES.slice(0, 3);
const TEXT_CLASSES_UNWRITTEN: readonly UsageClass[] = INPUT_CLASSES.slice(0, 2);

/** Classes the output can be billed in. Null = one of them has no price. */
function outputClasses(facts: CallFacts, row: PriceRow): readonly UsageClass[] | null {
  const classes: UsageClass[] = ["output", "output_reasoning"];
  if (facts.outputAudio && facts.endpoint !== "audio_speech") classes.push("output_audio");
  if (facts.outputImage) classes.push("output_image");
  if (classes.some((name) => row.pico[name] === undefined)) return null;
  if (facts.endpoint === "audio_speech" && row.pico.output_audio !== undefined) classes.push("output_audio");
  return classes;
}

/** The dearest price of any of the classes in any band that so many input tokens can reach; null = none has a price. */
function dearest(row: PriceRow, classes: readonly UsageClass[] | null, inputTokens: number): bigint | null {
  if (classes === null) return null;
  let most: bigint | null = null;
  for (const name of classes) {
    const price = row.pico[name];
    if (price !== undefined && (most === null || price > most)) most = price;
  }
  for (const band of row.bands) {
    if (inputTokens <= band.aboveInputTokens) break;
    for (const name of classes) {
      const price = band.pico[name];
      if (price !== undefined && (most === null || price > most)) most = price;
    }
  }
  return most;
}

interface UnitsPriced {
  readonly pico: bigint;
  readonly unbounded: readonly UsageClass[];
  readonly unboundedPico: bigint;
}

function priceUnits(facts: CallFacts, row: PriceRow): UnitsPriced | null {
  let pico = row.callPico;
  let unboundedPico = 0n;
  const unbounded: UsageClass[] = [];
  for (const name of UNIT_CLASSES) {
    const units = facts.unitsMax[name];
    if (units === undefined || units === 0) continue;
    const price = row.pico[name];
    if (price === undefined) {
      const instead = UNIT_OR_TOKENS[name];
      if (instead === undefined || row.pico[instead] === undefined) return null;
    } else if (Number.isFinite(units)) pico += whole(units) * price;
    else if (price > 0n) {
      unbounded.push(name);
      unboundedPico += price;
    }
  }
  return { pico, unbounded, unboundedPico };
}

function outputBound(facts: CallFacts, row: PriceRow): number {
  const perChoice = facts.outputTokensMax ?? row.outputMax ?? row.contextWindow ?? OUTPUT_TOKENS_UNKNOWN;
  return safe(perChoice * facts.choices);
}

function hiddenBound(facts: CallFacts, outputTokensMax: number): number {
  if (facts.outputHiddenMax === null) return outputTokensMax;
  return Math.min(safe(facts.outputHiddenMax * facts.choices), outputTokensMax);
}

/**
 * No call makes more tokens than this, whatever cap it names. A client's cap of 2⁵³ would become an estimate of billions of
 * dollars where nothing limits the call, and two such calls that end without a report would overflow the ledger's sums.
 */
const CALL_TOKENS_MAX = 1_000_000_000;

function safe(tokens: number): number {
  return Math.min(Math.ceil(tokens), CALL_TOKENS_MAX);
}

function whole(units: number): bigint {
  return BigInt(Math.ceil(units));
}

/** A bound beyond int64 fits no limit either: it is cut to the edge, so that it is refused or sliced instead of failing. */
function upToMax(amount: bigint): bigint {
  return amount > NANO_MAX ? NANO_MAX : amount;
}
