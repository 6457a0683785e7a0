import type { Classes, Model } from "./model.ts";
import { TIER_FACTORS } from "./price-table.ts";

const PICO_PER_NANO = 1000n;

function inputTokens(classes: Classes): number {
  let sum = 0;
  for (const name in classes) if (name.startsWith("input")) sum += classes[name] ?? 0;
  return sum;
}

function factorOf(model: Model, tier: string | null): readonly [bigint, bigint] {
  if (tier === "priority" && model.priority !== null) return model.priority;
  return (tier === null ? undefined : TIER_FACTORS[model.provider]?.[tier]) ?? [1n, 1n];
}

/**
 * Cost of one call in nano-dollars: Σ units × pico-dollars, token prices times the tier's factor, rounded half up once.
 * Independent on purpose of the arithmetic it is compared with. Throws a RangeError for a class that has no price.
 */
export function costNano(model: Model, classes: Classes, tier: string | null): bigint {
  const rates = model.long !== null && inputTokens(classes) > model.long.above ? model.long.rates : model.rates;
  let tokens = 0n;
  let others = 0n;
  for (const name in classes) {
    const units = classes[name] ?? 0;
    if (units === 0) continue;
    const rate = rates.get(name);
    if (rate === undefined) throw new RangeError(`price of ${name} for ${model.name}: expected one in the price table`);
    if (name.startsWith("input") || name.startsWith("output")) tokens += BigInt(units) * rate;
    else others += BigInt(units) * rate;
  }
  const [numerator, denominator] = factorOf(model, tier);
  const divisor = PICO_PER_NANO * denominator;
  return (2n * (tokens * numerator + others * denominator) + divisor) / (2n * divisor);
}
