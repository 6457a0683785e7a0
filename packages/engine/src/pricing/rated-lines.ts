import { inputTokensOf, TOKEN_CLASSES, USAGE_CLASSES, type Usage, type UsageClass } from "@tollhouse/contract";
import type { PriceRow, Ratio } from "./price-row.ts";
import { pricesAt, rate } from "./rate.ts";
import { placeRatio, tierRatio, type Served } from "./served.ts";

/** One class of usage in a cost: units × price × factor. */
export interface RatedLine {
  /** null: the fee of the call itself. */
  readonly usageClass: UsageClass | null;
  readonly units: number;
  /** Of one unit, in the band that the call was rated in. */
  readonly pico: bigint;
  /** Of the service tier and the place, which multiply tokens alone. */
  readonly factor: Ratio;
}

const ONE: Ratio = { numerator: 1n, denominator: 1n };

/**
 * How a cost that stands in the ledger came about; their sum, rounded once, is that cost to the nano-dollar. `said`: what was written down of
 * tier and place; what was not is looked for among those of the row. Null where no way of rating it gives this very cost: then the
 * provider named it, or it is what was held.
 */
export function ratedLines(usage: Usage, row: PriceRow, said: Served, costNano: bigint): readonly RatedLine[] | null {
  const served = waysOf(row, said).find((way) => rate(usage, row, way) === costNano);
  return served === undefined ? null : linesOf(usage, row, served);
}

/** A line in pico-dollars; a rest that the factor leaves is rounded half up. */
export function picoOf({ units, pico, factor: { numerator, denominator } }: RatedLine): bigint {
  return (2n * BigInt(units) * pico * numerator + denominator) / (2n * denominator);
}

/** The standard ones first: they are what silence means. */
function waysOf(row: PriceRow, { tier, geo }: Served): Served[] {
  const tiers = tier === null ? [null, ...Object.keys(row.tiers)] : [tier];
  const places = geo === null ? [null, ...Object.keys(row.geo)] : [geo];
  return tiers.flatMap((of) => places.map((at) => ({ tier: of, geo: at })));
}

function linesOf(usage: Usage, row: PriceRow, { tier, geo }: Served): RatedLine[] {
  const [ofTier, ofPlace] = [tierRatio(row, tier) ?? ONE, placeRatio(row, geo) ?? ONE];
  const factor = lowest(ofTier.numerator * ofPlace.numerator, ofTier.denominator * ofPlace.denominator);
  const prices = pricesAt(row, inputTokensOf(usage));
  const lines = USAGE_CLASSES.flatMap((usageClass): RatedLine[] => {
    const units = usage[usageClass] ?? 0;
    if (units === 0) return [];
    return [{ usageClass, units, pico: prices[usageClass] ?? 0n, factor: isToken(usageClass) ? factor : ONE }];
  });
  return row.callPico === 0n
    ? lines
    : [...lines, { usageClass: null, units: 1, pico: row.callPico, factor: ONE } satisfies RatedLine];
}

function isToken(usageClass: UsageClass): boolean {
  return (TOKEN_CLASSES as readonly UsageClass[]).includes(usageClass);
}

/** Two ratios may cancel each other out: 5/2 of a tier at 2/5. */
function lowest(numerator: bigint, denominator: bigint): Ratio {
  let [a, b] = [numerator, denominator];
  while (b > 0n) [a, b] = [b, a % b];
  return a === 0n ? ONE : { numerator: numerator / a, denominator: denominator / a };
}
