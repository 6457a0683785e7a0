import { createPriceBook, rate, seededPriceBookData } from "@tollhouse/engine";
import { expect, test } from "vitest";
import { ownPriceRows } from "./own-price-rows.ts";
import type { ProviderSettings } from "./provider-settings.ts";

const provider = (name: string, prices: ProviderSettings["prices"]): ProviderSettings => ({
  name,
  baseUrl: "http://127.0.0.1:9/v1",
  dialect: "openai",
  apiKey: null,
  auth: "none",
  prices,
});
const standard = { tier: null, geo: null };

test("a provider of the book adds nothing", () => expect(ownPriceRows([provider("openai", "book")])).toEqual([]));

test("a free provider costs nothing for any model, by statement", () => {
  const book = createPriceBook(seededPriceBookData(), ownPriceRows([provider("ollama", "free")]));
  const row = book.find("ollama", "whatever", 0);
  expect(row !== null && rate({ input: 1_000, output: 1_000 }, row, standard)).toBe(0n);
  expect(book.find("another", "whatever", 0)).toBeNull();
});

test("own prices win over the book, for their provider and model only", () => {
  const pico = { input: 1_000n, output: 2_000n };
  const book = createPriceBook(
    seededPriceBookData(),
    ownPriceRows([provider("openai", [{ model: "gpt-4o-mini", pico }])]),
  );
  const cost = (model: string): bigint | null => {
    const row = book.find("openai", model, 0);
    return row === null ? null : rate({ input: 1, output: 1 }, row, standard);
  };
  expect(cost("gpt-4o-mini")).toBe(3n);
  expect(cost("gpt-4o")).toBe(12_500n);
});
