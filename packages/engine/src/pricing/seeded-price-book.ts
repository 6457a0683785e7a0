import priceBookJson from "./price-book.json" with { type: "json" };
import { createPriceBook, type PriceBook } from "./price-book.ts";
import type { PriceBookData } from "./price-data.ts";

let book: PriceBook | null = null;

/** The book in its committed form, for `createPriceBook(seededPriceBookData(), ownRows)` with the operator's own rows. */
export function seededPriceBookData(): PriceBookData {
  return priceBookJson;
}

/** The committed book without own rows. Read at the first call (about 35 ms), then shared. */
export function seededPriceBook(): PriceBook {
  book ??= createPriceBook(seededPriceBookData());
  return book;
}
