import { createPriceRow, freePriceRow, type PriceRow } from "@tollhouse/engine";
import type { ProviderSettings } from "./provider-settings.ts";

/** Prices that the operator's settings name, as rows of the price book; they win over the book's own. */
export function ownPriceRows(providers: readonly ProviderSettings[]): PriceRow[] {
  return providers.flatMap(({ name, prices }) => {
    if (prices === "book") return [];
    if (prices === "free") return [freePriceRow(name)];
    return prices.map((price) =>
      createPriceRow({ id: `${name}/${price.model}@settings`, provider: name, model: price.model, pico: price.pico }),
    );
  });
}
