import type { FastifyInstance } from "fastify";
import type { UsageClass } from "@tollhouse/contract";
import type { PriceBook, PriceRow } from "@tollhouse/engine";
import { serve } from "../endpoint.ts";
import { listPrices, type PriceAnswer } from "../endpoints/prices.ts";

/** `GET /api/v1/prices`: the book in force; with `provider` and `model`, the row a call would be rated with now. */
export function priceRoutes(prices: PriceBook, now: () => number): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, listPrices, ({ query: { provider, model } }) => {
      if (provider !== undefined && model !== undefined) {
        const row = prices.find(provider, model, now());
        return { version: prices.version, prices: row === null ? [] : [describe(row)] };
      }
      const rows = prices
        .rows()
        .filter((row) => (provider ?? row.provider) === row.provider && (model ?? row.model) === row.model);
      return { version: prices.version, prices: rows.map(describe) };
    });
  };
}

function describe(row: PriceRow): PriceAnswer {
  return {
    id: row.id,
    provider: row.provider,
    model: row.model,
    match: row.match,
    unit: "pico-dollars a unit",
    prices: texts(row.pico),
    bands: row.bands.map((band) => ({ above_input_tokens: band.aboveInputTokens, prices: texts(band.pico) })),
    tiers: ratios(row.tiers),
    geo: ratios(row.geo),
    context_window: row.contextWindow,
    output_max: row.outputMax,
    valid_from: isoOrNull(row.validFromMs),
    valid_to: isoOrNull(row.validToMs),
  };
}

function texts(pico: { readonly [K in UsageClass]?: bigint }): Record<string, string> {
  return Object.fromEntries(Object.entries(pico).map(([name, price]) => [name, price.toString()]));
}

function ratios(named: PriceRow["tiers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(named).map(([name, { numerator, denominator }]) => [name, `${numerator}/${denominator}`]),
  );
}

function isoOrNull(ms: number): string | null {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}
