import {
  USAGE_CLASSES,
  inputTokensOf,
  tokensOf,
  type CallFacts,
  type Usage,
  type UsageReport,
} from "@tollhouse/contract";
import { AmountBug, assertAmount, picoToNanoHalfUp } from "../money/amount.ts";
import type { Amounts } from "../limits/limit.ts";
import { isTierUnnamed, placeRatio, SERVED_STANDARD, tierRatio, type Served } from "./served.ts";
import type { PriceRow, Prices } from "./price-row.ts";

/** Classes before this index are tokens, which tiers and places multiply; the rest are units, which they do not. */
const TOKEN_CLASS_COUNT = 11;

/**
 * Cost of a call in nano-dollars: Σ units × price, rounded half-up once. Null = unknown, never 0: a used class has no price,
 * or the tier or place is not in the row. Throws AmountBug where the usage is no vector of whole numbers ≥ 0.
 */
export function rate(usage: Usage, row: PriceRow, served: Served): bigint | null {
  const tier = tierRatio(row, served.tier);
  const place = placeRatio(row, served.geo);
  if (tier === null || place === null) return null;
  const prices = pricesAt(row, inputTokensOf(usage));
  let tokenPico = 0n;
  let unitPico = row.callPico;
  for (let index = 0; index < USAGE_CLASSES.length; index++) {
    const name = USAGE_CLASSES[index]!;
    const units = usage[name];
    if (units === undefined || units === 0) continue;
    if (!Number.isSafeInteger(units) || units < 0)
      throw new AmountBug(`usage.${name}: expected a whole number, got ${units}`);
    const price = prices[name];
    if (price === undefined) return null;
    if (index < TOKEN_CLASS_COUNT) tokenPico += BigInt(units) * price;
    else unitPico += BigInt(units) * price;
  }
  const divisor = tier.denominator * place.denominator;
  return picoToNanoHalfUp(tokenPico * tier.numerator * place.numerator + unitPico * divisor, divisor);
}

/**
 * Cost of what a provider reported. Where the answer does not say how it was served, the request prices it at its dearest:
 * the tier it asked for, or the standard one where that is dearer (asking `flex` and being told nothing costs standard).
 */
export function rateReport(
  report: UsageReport,
  facts: CallFacts,
  row: PriceRow,
  unnamed: Served = SERVED_STANDARD,
): bigint | null {
  if (report.tier !== null && report.geo !== null) return rate(report.usage, row, report as Served);
  const asked = isTierUnnamed(facts.tier) ? unnamed.tier : facts.tier;
  const place = report.geo ?? facts.geo ?? unnamed.geo;
  if (report.tier !== null) return rate(report.usage, row, { tier: report.tier, geo: place });
  const named = rate(report.usage, row, { tier: asked, geo: place });
  const standard = rate(report.usage, row, { tier: null, geo: place });
  return named === null || standard === null ? null : named > standard ? named : standard;
}

/** The prices of the band that the whole request is rated in. */
export function pricesAt(row: PriceRow, inputTokens: number): Prices {
  for (let index = row.bands.length - 1; index >= 0; index--)
    if (inputTokens > row.bands[index]!.aboveInputTokens) return row.bands[index]!.pico;
  return row.pico;
}

/** What a settled call counts in its limits. Throws AmountBug for a cost outside int64. */
export function usageAmounts(usage: Usage, costNano: bigint): Amounts {
  return { usd: assertAmount(costNano), tokens: BigInt(tokensOf(usage)), requests: 1n };
}
