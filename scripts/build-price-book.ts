/**
 * Makes packages/engine/src/pricing/price-book.json: the seed price list (@pydantic/genai-prices, pinned by the lockfile) with
 * our own rows and modifiers, in whole pico-dollars. `node --conditions=@tollhouse/source scripts/build-price-book.ts` writes it;
 * build-price-book.test.ts fails when the committed file is not what this makes. Read the difference before committing it.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findProvider } from "@pydantic/genai-prices";
import type { ConditionalPrice, MatchLogic, ModelInfo, ModelPrice, Provider } from "@pydantic/genai-prices";
import type { DatedPrices, ModelData, PriceBookData, ProviderData } from "../packages/engine/src/pricing/price-data.ts";
import { picoPerUnit, readUsdPrices } from "../packages/engine/src/pricing/usd-prices.ts";
import {
  APPROVED_ON,
  FREE_MODELS,
  MODEL_CHANGES,
  OWN_MODELS,
  PROVIDERS_KEPT,
  PROVIDER_CHANGES,
  type ModelChange,
  type OwnPrices,
  type PriceMultiple,
  type OwnModel,
} from "../packages/engine/src/pricing/own-rows.ts";

export const PRICE_BOOK_PATH = fileURLToPath(
  new URL("../packages/engine/src/pricing/price-book.json", import.meta.url),
);

type Texts = Record<string, string>;
type Amount = number | { base: number; tiers: { start: number; price: number }[] };

const SOURCE =
  "Prices of @pydantic/genai-prices (MIT License, Copyright (c) Pydantic Services Inc. 2025 to present), changed by own-rows.ts";

/** The seed's price keys → usage classes, and how many pico-dollars one seed unit of $1 is per class unit. */
const KEYS: Readonly<Record<string, { readonly name: string; readonly per: bigint }>> = {
  input_mtok: { name: "input", per: 1_000_000n },
  cache_read_mtok: { name: "input_cache_read", per: 1_000_000n },
  cache_write_mtok: { name: "input_cache_write_5m", per: 1_000_000n },
  cache_write_1h_mtok: { name: "input_cache_write_1h", per: 1_000_000n },
  input_audio_mtok: { name: "input_audio", per: 1_000_000n },
  cache_audio_read_mtok: { name: "input_audio_cached", per: 1_000_000n },
  input_image_mtok: { name: "input_image", per: 1_000_000n },
  // Frames of a video are reported as picture tokens.
  input_video_mtok: { name: "input_image", per: 1_000_000n },
  output_mtok: { name: "output", per: 1_000_000n },
  output_reasoning_mtok: { name: "output_reasoning", per: 1_000_000n },
  output_audio_mtok: { name: "output_audio", per: 1_000_000n },
  output_image_mtok: { name: "output_image", per: 1_000_000n },
  output_video_mtok: { name: "output_image", per: 1_000_000n },
  web_searches_kcount: { name: "web_search_call", per: 1_000n },
  storage_searches_kcount: { name: "file_search_call", per: 1_000n },
  audio_hours: { name: "audio_second", per: 3_600n },
  input_audio_hours: { name: "audio_second", per: 3_600n },
  requests_kcount: { name: "call", per: 1_000n },
};

/**
 * Cached pictures have no class of their own: an adapter that is told of them reports them as `input_image`, at the full price.
 * Folding this key into `input_cache_read` instead would overstate the cached text of each realtime call by a quarter.
 */
const WITHOUT_CLASS = new Set(["cache_image_read_mtok"]);

/** Units we cannot count. A model that charges them is left out: half a price would understate it. */
const UNCOUNTED = new Set([
  "input_document_kpages",
  "input_annotated_document_kpages",
  "input_text_messages_kcount",
  "output_citation_mtok",
]);

/** The shortest decimal text of a double is the number the seed's author wrote. */
function decimalText(value: number): string {
  if (!Number.isFinite(value) || value < 0) throw new Error(`price ${value}: expected a finite number, 0 or more`);
  return value.toString().includes("e") ? value.toFixed(18).replace(/\.?0+$/, "") : value.toString();
}

/** What the seed charges above `start` input tokens; null = its base price. */
function amountAt(amount: Amount, start: number | null): number {
  if (typeof amount === "number") return amount;
  const tier = start === null ? undefined : amount.tiers.findLast((each) => each.start <= start);
  return tier?.price ?? amount.base;
}

function pricesAt(model: ModelPrice, start: number | null): Texts {
  const pico: Record<string, bigint> = {};
  for (const [key, amount] of Object.entries(model)) {
    if (WITHOUT_CLASS.has(key)) continue;
    const kind = KEYS[key];
    if (kind === undefined) throw new Error(`${key}: expected a price key this script knows`);
    const price = picoPerUnit(decimalText(amountAt(amount as Amount, start)), kind.per, key);
    if (price > (pico[kind.name] ?? -1n)) pico[kind.name] = price;
  }
  return Object.fromEntries(Object.entries(pico).map(([name, price]) => [name, price.toString()]));
}

function starts(model: ModelPrice): number[] {
  const all = Object.values(model).flatMap((amount) =>
    typeof amount === "object" ? (amount as Exclude<Amount, number>).tiers.map((tier) => tier.start) : [],
  );
  return [...new Set(all)].sort((left, right) => left - right);
}

const UNIT_NAMES = new Set(["web_search_call", "file_search_call", "audio_second", "call"]);

function datedPrices(model: ModelPrice): Omit<DatedPrices, "from" | "daily"> {
  const { call, ...pico } = pricesAt(model, null);
  const bands = starts(model).map((start) => ({
    aboveInputTokens: start,
    pico: sorted(Object.fromEntries(Object.entries(pricesAt(model, start)).filter(([name]) => !UNIT_NAMES.has(name)))),
  }));
  return { ...(call === undefined ? {} : { call }), pico: sorted(pico), ...(bands.length === 0 ? {} : { bands }) };
}

/**
 * Hours of the day that follow a dated price belong to that price: the seed applies them to the time before it too, which
 * rewrites history (DeepSeek V4's peak hours began on 2026-08-17).
 */
function dates(prices: ConditionalPrice[] | ModelPrice): DatedPrices[] {
  if (!Array.isArray(prices)) return [datedPrices(prices)];
  let from: string | undefined;
  return prices.map((each) => {
    const { constraint } = each;
    if (constraint?.type === "start_date") from = constraint.start_date;
    const when = from === undefined ? {} : { from };
    if (constraint?.type !== "time_of_date") return { ...when, ...datedPrices(each.prices) };
    const daily = `${hour(constraint.start_time)}-${hour(constraint.end_time)}`;
    return { ...when, daily, ...datedPrices(each.prices) };
  });
}

function hour(text: string): string {
  const match = /^(\d{2}:\d{2}):00Z$/.exec(text);
  if (match === null) throw new Error(`${text}: expected whole minutes, UTC`);
  return match[1]!;
}

/** The ids a rule names outright, and one regular expression for the rest of it. */
function readMatch(match: MatchLogic): { ids: string[]; like: string[] } {
  if ("or" in match) {
    const parts = match.or.map(readMatch);
    return { ids: parts.flatMap((part) => part.ids), like: parts.flatMap((part) => part.like) };
  }
  return "equals" in match ? { ids: [match.equals], like: [] } : { ids: [], like: [pattern(match)] };
}

function pattern(match: MatchLogic): string {
  if ("or" in match) return `(?:${match.or.map(pattern).join("|")})`;
  if ("and" in match) return match.and.map((each) => `(?=${anchored(each)})`).join("");
  if ("equals" in match) return `^${escaped(match.equals)}$`;
  if ("starts_with" in match) return `^${escaped(match.starts_with)}`;
  if ("ends_with" in match) return `${escaped(match.ends_with)}$`;
  if ("contains" in match) return escaped(match.contains);
  return match.regex;
}

/** A part of an `and` must match somewhere in the id, seen from its start. */
function anchored(match: MatchLogic): string {
  const text = pattern(match);
  return text.startsWith("^") ? text : `^.*(?:${text})`;
}

function escaped(text: string): string {
  return text.toLowerCase().replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function readModel(provider: Provider, info: ModelInfo): ModelData | null {
  const variants = Array.isArray(info.prices) ? info.prices.map((each) => each.prices) : [info.prices];
  if (variants.some((prices) => Object.keys(prices).some((key) => UNCOUNTED.has(key)))) return null;
  const free = variants.every((prices) => Object.keys(prices).length === 0);
  if (free && !FREE_MODELS.some((each) => each.test(info.id) || each.test(`${provider.id}/${info.id}`))) return null;
  const { ids, like } = readMatch(info.match);
  return {
    ...naming(info.id, ids, like),
    ...(info.context_window === undefined ? {} : { contextWindow: info.context_window }),
    prices: free ? [{ pico: { input: "0", output: "0" } }] : dates(info.prices),
  };
}

function naming(
  model: string,
  ids: readonly string[],
  like: readonly string[],
): Pick<ModelData, "model" | "ids" | "like"> {
  const others = [...new Set(ids)].filter((id) => id !== model).sort();
  return {
    model,
    ...(others.length === 0 ? {} : { ids: others.join(" ") }),
    ...(like.length === 0 ? {} : { like: [...new Set(like)].join("|") }),
  };
}

function changed(provider: string, model: ModelData): ModelData {
  return MODEL_CHANGES.filter((change) => change.provider === provider && change.model.test(model.model)).reduce(
    apply,
    model,
  );
}

function apply(model: ModelData, change: ModelChange): ModelData {
  const {
    provider: _provider,
    model: _model,
    prices: _prices,
    replaces: _replaces,
    multiple: _multiple,
    ...rest
  } = change;
  return { ...model, ...rest, prices: model.prices.map((dated) => changedPrices(dated, change)) };
}

function changedPrices(dated: DatedPrices, { prices = {}, replaces = {}, multiple }: ModelChange): DatedPrices {
  const pico = { ...ownPrices(prices), ...multiplied(multiple, dated.pico), ...dated.pico, ...ownPrices(replaces) };
  const bands = dated.bands?.map((band) => ({
    ...band,
    pico: sorted({ ...multiplied(multiple, band.pico), ...band.pico }),
  }));
  return { ...dated, pico: sorted(pico), ...(bands === undefined ? {} : { bands }) };
}

function multiplied(multiple: PriceMultiple | undefined, pico: Readonly<Texts>): Texts {
  const base = multiple === undefined ? undefined : pico[multiple.of];
  if (multiple === undefined || base === undefined) return {};
  const price = (BigInt(base) * multiple.numerator + multiple.denominator - 1n) / multiple.denominator;
  return { [multiple.name]: price.toString() };
}

function readOwn(own: OwnModel): ModelData {
  const { provider: _provider, dated, ...rest } = own;
  return { ...rest, prices: dated.map(readOwnPrices) };
}

function readOwnPrices({ from, prices, above }: OwnPrices): DatedPrices {
  const bands =
    above === undefined
      ? {}
      : { bands: [{ aboveInputTokens: above.inputTokens, pico: sorted(ownPrices(above.prices)) }] };
  return { ...(from === undefined ? {} : { from }), pico: sorted(ownPrices(prices)), ...bands };
}

function ownPrices(prices: Readonly<Record<string, string>>): Texts {
  return Object.fromEntries(Object.entries(readUsdPrices(prices)).map(([name, price]) => [name, price.toString()]));
}

function sorted(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function readProvider(name: string): ProviderData {
  const provider = findProvider({ providerId: name });
  if (provider === undefined || provider.id !== name) throw new Error(`${name}: expected a provider of the seed`);
  const kept = (provider.fallback_model_providers ?? []).filter((each) =>
    PROVIDERS_KEPT.some((known) => known === each),
  );
  const models = provider.models.flatMap((info) => readModel(provider, info) ?? []);
  const own = OWN_MODELS.filter((model) => model.provider === name).map(readOwn);
  return {
    ...(kept.length === 0 ? {} : { fallback: kept.join(" ") }),
    ...PROVIDER_CHANGES[name],
    // Ours first: they are newer than the prefix that would claim them. Then the seed's order, which decides between its rules.
    models: [...own, ...models].map((model) => changed(name, model)),
  };
}

export function buildPriceBook(): PriceBookData {
  const providers = Object.fromEntries(PROVIDERS_KEPT.map((name) => [name, readProvider(name)]));
  const hash = createHash("sha256").update(JSON.stringify(providers)).digest("hex").slice(0, 12);
  return { version: `${APPROVED_ON}.${hash}`, source: SOURCE, providers };
}

export function priceBookText(): string {
  return `${JSON.stringify(buildPriceBook(), null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(PRICE_BOOK_PATH, priceBookText());
  console.log(`wrote ${PRICE_BOOK_PATH}`);
}
