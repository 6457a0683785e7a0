import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { createPriceBook } from "./price-book.ts";
import { readRatios, type PriceBookData } from "./price-data.ts";
import { createPriceRow, freePriceRow, PriceInvalid, type PriceRow } from "./price-row.ts";
import { seededPriceBook, seededPriceBookData } from "./seeded-price-book.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const seeded = seededPriceBook();

function found(row: PriceRow | null): [string, string] | null {
  return row === null ? null : [row.id, row.match];
}

describe("finding a price", () => {
  test.each([
    ["openai", "gpt-4o-mini", "openai/gpt-4o-mini@start", "exact"],
    ["openai", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini@start", "exact"],
    ["openai", "GPT-4o-Mini", "openai/gpt-4o-mini@start", "assumed"],
    ["openai", "gpt-6-sol-2026-10-01", "openai/gpt-6-sol@start", "assumed"],
    ["anthropic", "claude-opus-5-5", "anthropic/claude-opus-5-5@start", "exact"],
    ["anthropic", "claude-sonnet-5-5", "anthropic/claude-sonnet-5-5@2026-10-07", "exact"],
    ["anthropic", "claude-sonnet-5-5-20260928", "anthropic/claude-sonnet-5-5@2026-10-07", "assumed"],
    ["anthropic", "claude-sonnet-5-9", "anthropic/claude-sonnet-5@start", "assumed"],
    ["anthropic", "claude-fable-5-2", "anthropic/claude-fable-5-2@2026-11-09", "assumed"],
    ["gemini", "models/gemini-2.5-flash", "google/gemini-2.5-flash@start", "exact"],
    ["xai", "grok-4.5", "x-ai/grok-4.5@start", "exact"],
    ["azure", "o1", "azure/o1@start", "exact"],
    ["azure", "gpt-4o", "openai/gpt-4o@start", "assumed"],
    ["azure", "claude-opus-5-5", "anthropic/claude-opus-5-5@start", "assumed"],
    ["openai", "tts-1", "openai/tts-1@start", "exact"],
    ["openai", "dall-e-3", "openai/dall-e-3@start", "assumed"],
    ["openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o@start", "exact"],
  ])("%s %s is %s, %s", (provider, model, id, match) => {
    // Twice: the second answer comes from what is remembered.
    expect(found(seeded.find(provider, model, NOON))).toEqual([id, match]);
    expect(found(seeded.find(provider, model, NOON))).toEqual([id, match]);
  });

  test.each([
    ["openai", "gpt-9-unheard-of"],
    ["openai", ""],
    ["openai", "__proto__"],
    ["openai", "constructor"],
    ["constructor", "gpt-4o"],
    ["nobody", "gpt-4o"],
    ["openai", `gpt-5-nano-${"x".repeat(1_000_000)}`],
    ["mistral", "mistral-ocr-latest"],
  ])("%s %.30s has no price, and no cost can be made up", (provider, model) => {
    expect(seeded.find(provider, model, NOON)).toBeNull();
    expect(seeded.find(provider, model, NOON)).toBeNull();
  });

  test("a row that stands in keeps its own ratios and gains those of the provider asked", () => {
    const row = seeded.find("azure", "gpt-4.1", NOON)!;
    expect(row.provider).toBe("azure");
    expect(row.tiers["priority"]).toEqual({ numerator: 7n, denominator: 4n });
    expect(row.geo["datazone"]).toEqual({ numerator: 11n, denominator: 10n });
    expect(seeded.find("openai", "gpt-4.1", NOON)!.geo["datazone"]).toBeUndefined();
  });

  test("what clients ask for cannot fill the memory", () => {
    const book = createPriceBook({
      ...seededPriceBookData(),
      providers: { openai: { models: [{ model: "m", prices: [{ pico: { input: "1" } }] }] } },
    });
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 300_000; index++) book.find("openai", `model-${index}`, NOON);
    collect();
    // 300,000 remembered names are about 30 MB; 10,000 are about 1.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
    expect(book.find("openai", "m", NOON)?.pico.input).toBe(1n);
  });
});

describe("a price holds from its date on, and only then", () => {
  test.each([
    ["openai", "gpt-5.6-luna", "2026-07-29T23:59:59.999Z", 1_000_000n],
    ["openai", "gpt-5.6-luna", "2026-07-30T00:00:00Z", 200_000n],
    ["anthropic", "claude-opus-4-6", "2026-03-12T23:59:59.999Z", 5_000_000n],
    ["google", "gemini-3.8-flash", "2026-12-31T23:59:59.999Z", 750_000n],
    ["google", "gemini-3.8-flash", "2027-01-01T00:00:00Z", 1_500_000n],
    ["deepseek", "deepseek-v4-pro", "2026-08-16T02:00:00Z", 435_000n],
    ["deepseek", "deepseek-v4-pro", "2026-08-17T00:59:59.999Z", 660_000n],
    ["deepseek", "deepseek-v4-pro", "2026-08-17T01:00:00Z", 1_320_000n],
    ["deepseek", "deepseek-v4-pro", "2026-11-21T03:59:59.999Z", 1_320_000n],
    ["deepseek", "deepseek-v4-pro", "2026-11-21T04:00:00Z", 660_000n],
  ])("%s %s at %s", (provider, model, at, input) => {
    expect(seeded.find(provider, model, Date.parse(at))!.pico.input).toBe(input);
  });

  test("an old long-context cliff ends on its day", () => {
    expect(seeded.find("anthropic", "claude-opus-4-6", Date.parse("2026-03-12"))!.bands).toHaveLength(1);
    expect(seeded.find("anthropic", "claude-opus-4-6", Date.parse("2026-03-13"))!.bands).toHaveLength(0);
  });
});

describe("the operator's own prices", () => {
  const own = (model: string, input: bigint, more: Partial<PriceRow> = {}) =>
    createPriceRow({ id: `openai/${model}@own`, provider: "openai", model, pico: { input }, ...more });

  test("win over the book for their model, and no other", () => {
    const book = createPriceBook(seededPriceBookData(), [own("gpt-4o", 7n)]);
    expect(book.find("openai", "gpt-4o", NOON)!.pico.input).toBe(7n);
    expect(book.find("openai", "gpt-4o-mini", NOON)!.id).toBe("openai/gpt-4o-mini@start");
  });

  test("are dated: the last that holds wins", () => {
    const book = createPriceBook(seededPriceBookData(), [own("m", 1n), own("m", 2n, { validFromMs: NOON })]);
    expect(book.find("openai", "m", NOON - 1)!.pico.input).toBe(1n);
    expect(book.find("openai", "m", NOON)!.pico.input).toBe(2n);
  });

  test("`*` prices every model of a provider, however long its name", () => {
    const book = createPriceBook(seededPriceBookData(), [freePriceRow("ollama")]);
    expect(book.find("ollama", "llama4:70b", NOON)!.pico.output).toBe(0n);
    expect(book.find("ollama", "x".repeat(1_000), NOON)!.pico.output).toBe(0n);
    expect(book.find("vllm", "llama4:70b", NOON)).toBeNull();
  });
});

describe("a broken book stops the start", () => {
  const data = (model: object): PriceBookData => ({
    version: "v",
    source: "test",
    providers: { p: { models: [{ model: "m", prices: [{ pico: { input: "1" } }], ...model }] } },
  });

  test.each([
    ["an unknown class", { prices: [{ pico: { tokens: "1" } }] }],
    ["a float", { prices: [{ pico: { input: "1.5" } }] }],
    ["a sign", { prices: [{ pico: { input: "-1" } }] }],
    ["an exponent", { prices: [{ pico: { input: "1e9" } }] }],
    ["no digits", { prices: [{ pico: { input: "" } }] }],
    ["a date that is none", { prices: [{ from: "2026-13-01", pico: {} }] }],
    ["the 30th of February", { prices: [{ from: "2026-02-30", pico: {} }] }],
    ["hours that are none", { prices: [{ daily: "1-4", pico: {} }] }],
    ["a ratio that is none", { tiers: "flex 0.5" }],
  ])("%s", (_what, model) => {
    expect(() => createPriceBook(data(model))).toThrow(PriceInvalid);
  });

  test("ratios read as written", () => {
    expect(readRatios("batch 1/2, fast 5/2")).toEqual({
      batch: { numerator: 1n, denominator: 2n },
      fast: { numerator: 5n, denominator: 2n },
    });
    expect(readRatios("")).toEqual({});
  });
});

test("every row of the seeded book can be told from every other", () => {
  const ids = seeded.rows().map((row) => row.id);
  expect(ids.length).toBeGreaterThan(1_000);
  expect(new Set(ids).size).toBe(ids.length);
});
