import type { CallFacts, Usage, UsageReport } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { AmountBug, NANO_MAX } from "../money/amount.ts";
import { createPriceRow, freePriceRow, type PriceRow } from "./price-row.ts";
import { rate, rateReport, usageAmounts } from "./rate.ts";
import { seededPriceBook } from "./seeded-price-book.ts";
import { SERVED_STANDARD } from "./served.ts";

const AT = Date.parse("2026-11-21T12:00:00Z");

function row(provider: string, model: string): PriceRow {
  return seededPriceBook().find(provider, model, AT)!;
}

function cost(provider: string, model: string, usage: Usage, tier: string | null = null, geo: string | null = null) {
  return rate(usage, row(provider, model), { tier, geo });
}

describe("a cost is what the provider's price list says, to the nano-dollar", () => {
  test.each<[string, string, Usage, string | null, string | null, bigint]>([
    // 1,000 × $0.15 + 500 × $0.075 + 200 × $0.60 a million
    ["openai", "gpt-4o-mini", { input: 1_000, input_cache_read: 500, output: 200 }, null, null, 307_500n],
    ["openai", "gpt-4o-mini", { input: 1_000, output: 200 }, "default", null, 270_000n],
    ["openai", "gpt-4o-mini", { input: 1_000, output: 200 }, "batch", null, 135_000n],
    ["openai", "gpt-4o-mini", { input: 1_000, output: 200 }, "priority", null, 450_000n],
    ["openai", "gpt-5.5", { input: 1_000_000 - 800_000, output: 1_000 }, "priority", null, 2_575_000_000n],
    ["openai", "gpt-5.5", { input: 1_000, output: 1_000 }, "fast", null, 87_500_000n],
    ["openai", "gpt-5.4", { input: 1_000, output: 1_000 }, "flex", null, 8_750_000n],
    // The 272K cliff: the whole request, not the part above it.
    ["openai", "gpt-6-sol", { input: 272_000, output: 1_000 }, null, null, 554_000_000n],
    ["openai", "gpt-6-sol", { input: 272_001, output: 1_000 }, null, null, 1_103_004_000n],
    ["openai", "gpt-6-sol", { input_cache_read: 200_000, input_cache_write_5m: 72_001 }, null, null, 440_005_000n],
    ["openai", "gpt-6.1-terra", { input_cache_write_1h: 1_000, output: 1_000 }, "default", null, 7_500_000n],
    ["openai", "gpt-6.1-terra", { input_cache_write_1h: 272_001 }, null, null, 1_360_005_000n],
    ["anthropic", "claude-haiku-5-5", { input: 1, input_cache_read: 99_999 }, null, null, 1_000_090n],
    ["anthropic", "claude-haiku-5-5", { input: 2, input_cache_read: 99_999, output: 1 }, null, null, 5_003_450n],
    // Anthropic: writes, reads, place, fast mode; a search is not multiplied.
    [
      "anthropic",
      "claude-opus-5-5",
      { input_cache_write_5m: 1_000, input_cache_write_1h: 1_000 },
      null,
      null,
      13_000_000n,
    ],
    ["anthropic", "claude-opus-5-5", { input: 1_000, output: 1_000 }, "standard", "us", 26_400_000n],
    ["anthropic", "claude-opus-5-5", { input: 1_000, output: 1_000, web_search_call: 3 }, "fast", "us", 82_800_000n],
    ["anthropic", "claude-opus-4-6", { input: 1_000, output: 1_000 }, "fast", "not_available", 180_000_000n],
    ["anthropic", "claude-sonnet-4-5", { input: 200_001 }, null, "global", 1_200_006_000n],
    // Gemini: thinking is output; audio has its own price; grounding by prompt or by search.
    [
      "gemini",
      "gemini-2.5-flash",
      { input: 100, input_audio: 100, output: 10, output_reasoning: 90 },
      "standard",
      null,
      380_000n,
    ],
    ["gemini", "gemini-2.5-pro", { input: 200_001, output: 1 }, "ON_DEMAND", null, 500_017_500n],
    ["gemini", "gemini-2.5-flash", { input: 1_000, grounded_prompt: 1 }, "ON_DEMAND_FLEX", null, 35_150_000n],
    ["gemini", "gemini-3.5-flash", { input: 1_000, web_search_call: 3 }, "SERVICE_TIER_PRIORITY", null, 45_000_000n],
    ["openai", "whisper-1", { audio_second: 61 }, null, null, 6_100_000n],
    ["openai", "tts-1", { character: 1_000 }, null, null, 15_000_000n],
    ["perplexity", "sonar", { input: 10, output: 10 }, null, null, 12_020_000n],
    ["openai", "gpt-4o", {}, null, null, 0n],
  ])("%s %s %j tier %s geo %s", (provider, model, usage, tier, geo, nano) => {
    expect(cost(provider, model, usage, tier, geo)).toBe(nano);
  });
});

describe("unknown is never zero", () => {
  test.each<[string, string, Usage, string | null, string | null]>([
    ["openai", "gpt-4o", { input: 1, input_audio: 1 }, null, null],
    ["openai", "gpt-4o", { input: 1, output_image: 1 }, null, null],
    ["openai", "text-embedding-3-small", { input: 1, output: 1 }, null, null],
    ["groq", "llama-3.1-8b-instant", { input: 1, web_search_call: 1 }, null, null],
    ["openai", "gpt-4o", { input: 1 }, "ultrafast", null],
    ["openai", "gpt-4o", { input: 1 }, "constructor", null],
    ["openai", "gpt-4o", { input: 1 }, "", null],
    ["anthropic", "claude-haiku-4-5", { input: 1 }, "fast", null],
    ["anthropic", "claude-opus-5-5", { input: 1 }, null, "eu"],
    ["anthropic", "claude-opus-5-5", { input: 1 }, null, "__proto__"],
  ])("%s %s %j tier %s geo %s has no cost", (provider, model, usage, tier, geo) => {
    expect(cost(provider, model, usage, tier, geo)).toBeNull();
  });

  test("a class without a price does not matter while it is not used", () => {
    expect(cost("openai", "gpt-4o", { input: 1, input_audio: 0 })).toBe(2_500n);
  });

  test.each([-1, 0.5, Number.NaN, Infinity, 2 ** 53])("usage %s is our bug", (units) => {
    expect(() => rate({ output: units }, row("openai", "gpt-4o"), SERVED_STANDARD)).toThrow(AmountBug);
  });
});

describe("rounding", () => {
  const pico = (price: bigint) =>
    createPriceRow({ id: "x/y@start", provider: "x", model: "y", pico: { input: price, output: price } });

  test("happens once, after everything is added", () => {
    expect(rate({ input: 1 }, pico(499n), SERVED_STANDARD)).toBe(0n);
    expect(rate({ input: 1 }, pico(500n), SERVED_STANDARD)).toBe(1n);
    expect(rate({ input: 1, output: 1 }, pico(499n), SERVED_STANDARD)).toBe(1n);
    expect(rate({ input: 1, output: 1 }, pico(250n), SERVED_STANDARD)).toBe(1n);
  });

  test("no float is lost: 2⁵³−1 tokens at a price of 18 digits", () => {
    expect(rate({ input: 2 ** 53 - 1 }, pico(999_999_999_999_999_999n), SERVED_STANDARD)).toBe(
      (2n * 9_007_199_254_740_991n * 999_999_999_999_999_999n + 1000n) / 2000n,
    );
  });
});

test("a free provider costs nothing for any tier, place and class", () => {
  expect(rate({ input: 9, output_audio: 9, web_search_call: 9 }, freePriceRow("ollama"), { tier: "x", geo: "y" })).toBe(
    0n,
  );
});

describe("an answer that does not say how it was served is rated by its request, at the dearest", () => {
  const facts = (tier: string | null, geo: string | null = null) => ({ tier, geo }) as CallFacts;
  const report = (tier: string | null, geo: string | null = null): UsageReport => ({
    usage: { input: 1_000 },
    model: null,
    tier,
    geo,
    providerId: null,
    costNano: null,
    doubt: null,
  });
  const opus = row("anthropic", "claude-opus-5-5");

  test.each([
    ["asked batch, said nothing", facts("batch"), report(null), 4_000_000n],
    ["asked batch, said batch", facts("batch"), report("batch"), 2_000_000n],
    ["asked fast, said nothing", facts("fast"), report(null), 8_000_000n],
    ["asked fast, said standard", facts("fast"), report("standard"), 4_000_000n],
    ["asked us, said nothing", facts(null, "us"), report(null), 4_400_000n],
    ["asked us and fast, said standard", facts("fast", "us"), report("standard"), 4_400_000n],
    ["asked us, said global", facts(null, "us"), report(null, "global"), 4_000_000n],
    ["asked nothing, said nothing", facts(null), report(null), 4_000_000n],
  ])("%s", (_what, asked, said, nano) => {
    expect(rateReport(said, asked, opus)).toBe(nano);
  });

  test("a project whose unnamed calls are fast is rated so", () => {
    expect(rateReport(report(null), facts("auto"), opus, { tier: "fast", geo: "us" })).toBe(8_800_000n);
  });

  test("an unknown tier stays unknown", () => {
    expect(rateReport(report(null), facts("hyperspeed"), opus)).toBeNull();
    expect(rateReport(report("hyperspeed"), facts(null), opus)).toBeNull();
  });
});

test("a settled call counts its cost, its tokens of every kind and itself", () => {
  expect(usageAmounts({ input: 1, input_cache_read: 2, output_reasoning: 4, web_search_call: 8 }, 9n)).toEqual({
    usd: 9n,
    tokens: 7n,
    requests: 1n,
  });
  expect(() => usageAmounts({}, NANO_MAX + 1n)).toThrow(AmountBug);
  expect(() => usageAmounts({}, -1n)).toThrow(AmountBug);
});
