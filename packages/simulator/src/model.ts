import { type ModelPrice, PRICES, UNPRICED, UNPRICED_PREFIX } from "./price-table.ts";

/** Usage in disjoint classes, named as in the contract so that a bill can be compared class by class. Whole units, ≥ 0. */
export type Classes = Readonly<Record<string, number>>;

/** Classes in the order in which a model makes them. */
export type Segments = readonly (readonly [string, number])[];

const RATES = [
  ["input", "input"],
  ["input_cache_read", "cacheRead"],
  ["input_cache_write_5m", "cacheWrite5m"],
  ["input_cache_write_1h", "cacheWrite1h"],
  ["input_audio", "inputAudio"],
  ["input_audio_cached", "inputAudioCached"],
  ["input_image", "inputImage"],
  ["output", "output"],
  ["output_reasoning", "output"],
  ["output_audio", "outputAudio"],
  ["output_image", "outputImage"],
  ["web_search_call", "webSearch"],
  ["grounded_prompt", "groundedPrompt"],
  ["audio_second", "audioSecond"],
  ["character", "character"],
] as const;

/** Pico-dollars per unit of each class. */
export type Rates = ReadonlyMap<string, bigint>;

export interface Model {
  /** Name in the price table: what the bill calls it. */
  readonly name: string;
  /** Name the answer gives. */
  readonly servedAs: string;
  readonly provider: "openai" | "anthropic" | "gemini";
  readonly rates: Rates;
  /** Factor of the tier `priority`, where it is the model's own. */
  readonly priority: readonly [bigint, bigint] | null;
  readonly long: { readonly above: number; readonly rates: Rates } | null;
}

/**
 * "0.15" dollars per million units → 150000 pico-dollars per unit. At most six decimal places, so it is always whole.
 * Throws a RangeError that names the text.
 */
export function picoPerUnit(dollarsPerMillion: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,6}))?$/.exec(dollarsPerMillion);
  if (match === null) {
    throw new RangeError(`price ${JSON.stringify(dollarsPerMillion)}: expected decimal text with at most six places`);
  }
  return BigInt(match[1] ?? "0") * 1_000_000n + BigInt((match[2] ?? "").padEnd(6, "0"));
}

function ratesOf(price: ModelPrice): Rates {
  const rates = new Map<string, bigint>();
  for (const [name, field] of RATES) {
    const base = name.startsWith("input") ? price.input : name.startsWith("output") ? price.output : undefined;
    const text = price[field] ?? base;
    if (text !== undefined) rates.set(name, picoPerUnit(text));
  }
  return rates;
}

function modelOf(name: string, price: ModelPrice): Model {
  const { long, priority, ...flat } = price;
  return {
    name,
    servedAs: price.servedAs ?? name,
    provider: price.provider,
    rates: ratesOf(flat),
    priority: priority ?? null,
    long: long === undefined ? null : { above: long.above, rates: ratesOf({ ...flat, ...long }) },
  };
}

/** Every model that this simulator serves, by the names that a client may use for it. */
export class Models {
  private readonly byName = new Map<string, Model>();

  constructor(extra: Readonly<Record<string, ModelPrice>>) {
    for (const [name, price] of Object.entries({ ...PRICES, ...extra })) {
      const model = modelOf(name, price);
      this.byName.set(name, model);
      this.byName.set(model.servedAs, model);
    }
  }

  /** null: no such model, and the provider answers 404. */
  find(name: string, provider: Model["provider"]): Model | null {
    const model = this.byName.get(name);
    if (model !== undefined) return model.provider === provider ? model : null;
    return name.startsWith(UNPRICED_PREFIX) ? modelOf(name, { provider, ...UNPRICED }) : null;
  }

  /** A deployment is named by the customer: the longest model name inside it is what it serves. */
  ofDeployment(deployment: string): Model | null {
    let best: Model | null = this.find(deployment, "openai");
    if (best !== null) return best;
    for (const model of this.byName.values()) {
      if (model.provider !== "openai" || !deployment.includes(model.name)) continue;
      if (best === null || model.name.length > best.name.length) best = model;
    }
    return best;
  }

  list(provider: Model["provider"]): Model[] {
    return [...new Set(this.byName.values())].filter((model) => model.provider === provider);
  }
}
