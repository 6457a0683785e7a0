import type { PriceRow, Ratio } from "./price-row.ts";

/** How a call was (or would be) served: names as the provider writes them; null = not said. */
export interface Served {
  readonly tier: string | null;
  readonly geo: string | null;
}

/** Nothing said: the standard tier, at the standard place. */
export const SERVED_STANDARD: Served = { tier: null, geo: null };

const ONE: Ratio = { numerator: 1n, denominator: 1n };

/** Every way of saying the standard tier: OpenAI, Anthropic (asked, answered), Gemini (REST, Vertex), Groq. */
const STANDARD_TIERS: ReadonlySet<string> = new Set([
  "auto",
  "default",
  "standard",
  "standard_only",
  "on_demand",
  "unspecified",
]);
/** Anthropic answers `not_available` where a model has no choice of place. */
const STANDARD_PLACES: ReadonlySet<string> = new Set(["global", "default", "not_available"]);

/**
 * The multiplier of a service tier, or null where the row does not know it: the cost is unknown then, never the standard one.
 * Prepaid capacity (OpenAI `scale`, Azure and Vertex `provisioned`, Anthropic `priority`) is rated at the standard price:
 * its marginal cost is 0, but what it stands for was paid, and a limit that sees 0 would admit without end.
 */
export function tierRatio(row: PriceRow, tier: string | null): Ratio | null {
  if (tier === null || STANDARD_TIERS.has(tier)) return ONE;
  const name = tierName(tier);
  return STANDARD_TIERS.has(name) ? ONE : ratioOf(row.tiers, name);
}

/** The multiplier of the place of inference, or null where the row does not know it. */
export function placeRatio(row: PriceRow, geo: string | null): Ratio | null {
  if (geo === null) return ONE;
  const name = geo.toLowerCase();
  return STANDARD_PLACES.has(name) ? ONE : ratioOf(row.geo, name);
}

/** True where the client left the choice of tier to the provider's project settings. */
export function isTierUnnamed(tier: string | null): boolean {
  return tier === null || tier === "auto";
}

/** `SERVICE_TIER_PRIORITY` (Gemini), `ON_DEMAND_FLEX` (Vertex) → `priority`, `flex`. */
function tierName(tier: string): string {
  const name = tier
    .toLowerCase()
    .replaceAll("-", "_")
    .replace(/^service_tier_/, "")
    .replace(/^on_demand_/, "");
  return name === "provisioned_throughput" ? "provisioned" : name;
}

/** The name comes from outside: only the row's own keys count, not `constructor` and its like. */
function ratioOf(ratios: Readonly<Record<string, Ratio>>, name: string): Ratio | null {
  if (Object.hasOwn(ratios, name)) return ratios[name]!;
  return Object.hasOwn(ratios, "*") ? ratios["*"]! : null;
}
