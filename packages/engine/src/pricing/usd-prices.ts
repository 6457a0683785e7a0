import { TOKEN_CLASSES, USAGE_CLASSES, type UsageClass } from "@tollhouse/contract";
import { PriceInvalid, type Prices } from "./price-row.ts";

const PICO_PER_USD = 1_000_000_000_000n;
const TEXT_LENGTH_MAX = 40;

/**
 * US dollars for `per` units, as a decimal text → pico-dollars for one. Exact down to $0.000001 per million; a rest is rounded
 * *up* (an hour's price seldom divides into seconds), so that a price is never understated. Throws PriceInvalid.
 */
export function picoPerUnit(usd: string, per: bigint, field = "price"): bigint {
  const match = usd.length <= TEXT_LENGTH_MAX ? /^(\d+)(?:\.(\d+))?$/.exec(usd) : null;
  if (match === null) throw new PriceInvalid(field, 'US dollars as a decimal number, such as "2.50"');
  const places = match[2] ?? "";
  const scaled = BigInt(match[1]! + places) * PICO_PER_USD;
  const divisor = 10n ** BigInt(places.length) * per;
  return (scaled + divisor - 1n) / divisor;
}

/**
 * Prices as people write them and settings give them: US dollars per *million* for token classes, per *one* for calls, images,
 * seconds and characters. Throws PriceInvalid, naming the class.
 */
export function readUsdPrices(texts: Readonly<Record<string, string>>): Prices {
  const pico: { [K in UsageClass]?: bigint } = {};
  for (const [name, usd] of Object.entries(texts)) {
    if (!isUsageClass(name)) throw new PriceInvalid(name, `the name of a usage class: ${USAGE_CLASSES.join(", ")}`);
    pico[name] = picoPerUnit(usd, TOKEN_CLASSES.includes(name) ? 1_000_000n : 1n, name);
  }
  return pico;
}

function isUsageClass(name: string): name is UsageClass {
  return (USAGE_CLASSES as readonly string[]).includes(name);
}
