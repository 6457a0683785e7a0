import { USAGE_CLASSES, type UsageClass } from "@tollhouse/contract";
import { createPriceRow, PriceInvalid, type Band, type PriceRow, type Prices, type Ratio } from "./price-row.ts";

/** `price-book.json` as written by scripts/build-price-book.ts. Prices are decimal strings of pico-dollars a unit. */
export interface PriceBookData {
  /** `2026-11-21.<12 hex digits of the SHA-256 of the providers>`: the day a person approved it, and what was approved. */
  readonly version: string;
  readonly source: string;
  readonly providers: Readonly<Record<string, ProviderData>>;
}

export interface ProviderData {
  /** Providers whose prices stand in for models this one does not list, in order, blank-separated. */
  readonly fallback?: string;
  /** `batch 1/2, flex 1/2, priority 2/1`: for each model that does not say otherwise. */
  readonly tiers?: string;
  readonly geo?: string;
  readonly models: readonly ModelData[];
}

export interface ModelData {
  readonly model: string;
  /** Further exact ids, blank-separated. */
  readonly ids?: string;
  /** Regular expression over the lower-case id, for what the exact ids miss. Matches are `assumed`. */
  readonly like?: string;
  /** True where the price rests on an assumption (see own-rows.ts). */
  readonly assumed?: boolean;
  readonly contextWindow?: number;
  readonly outputMax?: number;
  readonly cacheWriteUnasked?: boolean;
  readonly tiers?: string;
  readonly geo?: string;
  /** Later rows replace earlier ones from their date on; a row with `daily` wins inside its hours. */
  readonly prices: readonly DatedPrices[];
}

export interface DatedPrices {
  /** `2026-08-17`, midnight UTC; absent = from the beginning. */
  readonly from?: string;
  /** `01:00-04:00`, UTC, each day. */
  readonly daily?: string;
  /** Request fee. */
  readonly call?: string;
  readonly pico: Readonly<Record<string, string>>;
  readonly bands?: readonly { readonly aboveInputTokens: number; readonly pico: Readonly<Record<string, string>> }[];
}

/** One model of the book: how it is found, and its rows with the ones that win last. */
export interface ModelEntry {
  readonly model: string;
  readonly ids: readonly string[];
  readonly like: RegExp | null;
  readonly rows: readonly PriceRow[];
}

/** Throws PriceInvalid where the data cannot be meant: a broken book must stop the start, not price at 0. */
export function readModels(provider: string, data: ProviderData): ModelEntry[] {
  return data.models.map((model) => ({
    model: model.model,
    ids: [model.model, ...(model.ids === undefined ? [] : model.ids.split(" "))],
    like: model.like === undefined ? null : new RegExp(model.like),
    rows: readRows(provider, data, model),
  }));
}

function readRows(provider: string, data: ProviderData, model: ModelData): PriceRow[] {
  const starts = model.prices.map((dated) => (dated.from === undefined ? -Infinity : readDate(dated.from)));
  return model.prices.map((dated, index) => {
    const validFromMs = starts[index]!;
    const daily = dated.daily === undefined ? null : readDaily(dated.daily);
    const hours = dated.daily === undefined ? "" : `T${dated.daily}`;
    return createPriceRow({
      id: `${provider}/${model.model}@${dated.from ?? "start"}${hours}`,
      provider,
      model: model.model,
      match: model.assumed === true ? "assumed" : "exact",
      pico: readPrices(dated.pico),
      bands: (dated.bands ?? []).map(readBand),
      callPico: BigInt(dated.call ?? "0"),
      tiers: readRatios(model.tiers ?? data.tiers ?? ""),
      geo: readRatios(model.geo ?? data.geo ?? ""),
      cacheWriteUnasked: model.cacheWriteUnasked === true,
      contextWindow: model.contextWindow ?? null,
      outputMax: model.outputMax ?? null,
      validFromMs,
      validToMs: Math.min(...starts.filter((start) => start > validFromMs), Infinity),
      daily,
    });
  });
}

function readBand(band: { aboveInputTokens: number; pico: Readonly<Record<string, string>> }): Band {
  return { aboveInputTokens: band.aboveInputTokens, pico: readPrices(band.pico) };
}

function readPrices(texts: Readonly<Record<string, string>>): Prices {
  const pico: { [K in UsageClass]?: bigint } = {};
  for (const [name, text] of Object.entries(texts)) {
    if (!(USAGE_CLASSES as readonly string[]).includes(name)) throw new PriceInvalid(name, "the name of a usage class");
    if (!/^\d{1,18}$/.test(text)) throw new PriceInvalid(name, "a decimal string of whole pico-dollars a unit");
    pico[name as UsageClass] = BigInt(text);
  }
  return pico;
}

/** `batch 1/2, flex 1/2` → ratios by name. Also the form in which settings give them. */
export function readRatios(text: string): Record<string, Ratio> {
  const ratios: Record<string, Ratio> = {};
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const match = /^([a-z0-9_*]+) (\d{1,9})\/(\d{1,9})$/.exec(part.trim());
    if (match === null) throw new PriceInvalid(part.trim(), "a name and a ratio, such as `batch 1/2`");
    ratios[match[1]!] = { numerator: BigInt(match[2]!), denominator: BigInt(match[3]!) };
  }
  return ratios;
}

function readDate(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // 30 February is a date to the parser, and another one.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(text))
    throw new PriceInvalid("from", "a date, such as 2026-08-17");
  return ms;
}

function readDaily(text: string): { fromMs: number; toMs: number } {
  const match = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text);
  if (match === null) throw new PriceInvalid("daily", "hours of the UTC day, such as 01:00-04:00");
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [number, number, number, number];
  return { fromMs: (fromHour * 60 + fromMinute) * 60_000, toMs: (toHour * 60 + toMinute) * 60_000 };
}
