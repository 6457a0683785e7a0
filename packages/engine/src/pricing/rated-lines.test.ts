import type { Usage } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { picoToNanoHalfUp } from "../money/amount.ts";
import type { PriceRow } from "./price-row.ts";
import { rate } from "./rate.ts";
import { picoOf, ratedLines } from "./rated-lines.ts";
import { seededPriceBook } from "./seeded-price-book.ts";

const AT = Date.parse("2026-11-21T12:00:00Z");
const NOTHING_SAID = { tier: null, geo: null };

function row(provider: string, model: string): PriceRow {
  return seededPriceBook().find(provider, model, AT)!;
}

test.each<[string, string, Usage, string | null, string | null]>([
  ["openai", "gpt-4o-mini", { input: 1_000, input_cache_read: 500, output: 200 }, null, null],
  ["openai", "gpt-4o-mini", { input: 1_000, output: 200 }, "priority", null],
  // The dearer band of a long prompt.
  ["openai", "gpt-6-sol", { input: 272_001, output: 1_000 }, null, null],
  ["anthropic", "claude-opus-5-5", { input: 1_000, output: 1_000, web_search_call: 3 }, "fast", "us"],
  ["openai", "whisper-1", { audio_second: 61 }, null, null],
  // With a fee of the call itself.
  ["perplexity", "sonar", { input: 10, output: 10 }, null, null],
])("the lines of %s %s %j, tier %s at %s, are its cost", (provider, model, usage, tier, geo) => {
  const of = row(provider, model);
  const cost = rate(usage, of, { tier, geo })!;
  const lines = ratedLines(usage, of, { tier, geo }, cost)!;
  expect(picoToNanoHalfUp(lines.reduce((sum, line) => sum + picoOf(line), 0n))).toBe(cost);
  const fee = of.callPico === 0n ? [] : [null];
  expect(lines.map(({ usageClass }) => usageClass)).toEqual([...Object.keys(usage), ...fee]);
});

test("a tier and a place that were not written down are those that give the cost; units are not multiplied", () => {
  const of = row("anthropic", "claude-opus-5-5");
  const usage = { input: 1_000, output: 1_000, web_search_call: 3 };
  const cost = rate(usage, of, { tier: "fast", geo: "us" })!;
  const lines = ratedLines(usage, of, NOTHING_SAID, cost);
  expect(lines?.map(({ usageClass, factor }) => [usageClass, `${factor.numerator}/${factor.denominator}`])).toEqual([
    ["input", "11/5"],
    ["output", "11/5"],
    ["web_search_call", "1/1"],
  ]);
});

test("a cost that no price gives has no lines, and neither has one of a class without a price", () => {
  const of = row("openai", "gpt-4o-mini");
  expect(ratedLines({ input: 1_000 }, of, NOTHING_SAID, 12_345n)).toBeNull();
  expect(ratedLines({ input: 1_000 }, of, { tier: "hyperspeed", geo: null }, 150_000n)).toBeNull();
  expect(ratedLines({ input: 1, input_audio: 1 }, of, NOTHING_SAID, 150n)).toBeNull();
});
