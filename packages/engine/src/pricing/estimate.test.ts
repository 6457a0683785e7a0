import type { CallFacts } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { NANO_MAX } from "../money/amount.ts";
import { estimateDearest } from "./estimate-dearest.ts";
import { boundAmounts, estimate, outputAmounts, sliceAmounts } from "./estimate.ts";
import { createPriceRow, type PriceRow } from "./price-row.ts";
import { seededPriceBook } from "./seeded-price-book.ts";

const AT = Date.parse("2026-11-21T12:00:00Z");
const row = (provider: string, model: string) => seededPriceBook().find(provider, model, AT)!;
const gpt = row("openai", "gpt-4o-mini");
const opus = row("anthropic", "claude-opus-5-5");

function facts(more: Partial<CallFacts> = {}): CallFacts {
  return {
    endpoint: "chat_completions",
    model: "m",
    stream: false,
    usageAsked: false,
    inputTokensMax: 1_000,
    inputImageTokensMax: 0,
    inputAudioTokensMax: 0,
    inputHidden: false,
    outputTokensMax: 100,
    choices: 1,
    outputHidden: false,
    outputHiddenMax: null,
    outputAudio: false,
    outputImage: false,
    tier: null,
    geo: null,
    cacheWrite: null,
    unitsMax: {},
    streamable: true,
    free: false,
    ...more,
  };
}

function usd(more: Partial<CallFacts>, price: PriceRow = gpt, exact: number | null = null): bigint {
  return boundAmounts(estimate(facts(more), price, exact)!).usd;
}

describe("the bound of a call", () => {
  test.each<[string, Partial<CallFacts>, PriceRow, bigint]>([
    ["input and output at their prices", {}, gpt, 210_000n],
    ["n choices multiply the output", { choices: 8 }, gpt, 630_000n],
    ["without a cap: what the model can make", { outputTokensMax: null }, gpt, 150_000n + 16_384n * 600n],
    ["priority at its own ratio", { tier: "priority" }, gpt, 350_000n],
    ["flex may be served as standard", { tier: "flex" }, gpt, 210_000n],
    ["auto and unnamed are standard", { tier: "auto" }, gpt, 210_000n],
    ["a place", { geo: "us" }, opus, 6_600_000n],
    ["Claude without a cache write: no surcharge", {}, opus, 6_000_000n],
    ["a 5-minute write", { cacheWrite: "5m" }, opus, 7_000_000n],
    ["a 1-hour write", { cacheWrite: "1h" }, opus, 10_000_000n],
    ["a server tool may write the cache", { unitsMax: { web_search_call: 2 } }, opus, 7_000_000n + 20_000_000n],
    ["GPT-5.6 writes its cache unasked", {}, row("openai", "gpt-6-sol"), 3_500_000n],
    ["the cliff, when the input can reach it", { inputTokensMax: 272_001 }, row("openai", "gpt-6-sol"), 1_361_505_000n],
    ["the base, when it cannot", { inputTokensMax: 272_000 }, row("openai", "gpt-6-sol"), 681_000_000n],
    ["pictures count towards it", { inputImageTokensMax: 272_000 }, row("openai", "gpt-6-sol"), 1_366_500_000n],
    ["hidden input is the context window", { inputHidden: true }, gpt, 128_000n * 150n + 60_000n],
    ["audio input", { inputAudioTokensMax: 10 }, row("openai", "gpt-audio"), 3_820_000n],
    ["audio output", { outputAudio: true }, row("openai", "gpt-audio"), 8_900_000n],
    [
      "an embedding has no output",
      { endpoint: "embeddings", outputTokensMax: null },
      row("openai", "text-embedding-3-small"),
      20_000n,
    ],
    [
      "seconds of audio",
      { endpoint: "audio_transcriptions", unitsMax: { audio_second: 60 } },
      row("openai", "whisper-1"),
      6_000_000n,
    ],
    ["characters", { endpoint: "audio_speech", unitsMax: { character: 1_000 } }, row("openai", "tts-1"), 15_000_000n],
    [
      "pictures by the piece",
      { endpoint: "images_generations", outputImage: true, unitsMax: { image: 2 } },
      row("openai", "dall-e-3"),
      240_000_000n,
    ],
    ["a request fee", {}, row("perplexity", "sonar"), 13_100_000n],
    ["nothing for what is free", { free: true, inputTokensMax: 1_000_000 }, gpt, 0n],
  ])("%s", (_what, more, price, nano) => {
    expect(usd(more, price)).toBe(nano);
  });

  test("an exact count replaces the byte bound of the text, and nothing else", () => {
    expect(usd({}, gpt, 250)).toBe(97_500n);
    expect(usd({ inputImageTokensMax: 1_000 }, gpt, 250)).toBe(247_500n);
  });

  test("hidden input on a model of unknown window is two million tokens", () => {
    const unknown = createPriceRow({
      id: "x/y@start",
      provider: "x",
      model: "y",
      pico: { input: 1_000n, output: 1_000n },
    });
    expect(usd({ inputHidden: true, outputTokensMax: 0 }, unknown)).toBe(2_000_000n);
    expect(usd({ inputTokensMax: 0, outputTokensMax: null }, unknown)).toBe(1_000_000n);
    expect(usd({ inputTokensMax: Infinity, outputTokensMax: 0 }, unknown)).toBe(2_000_000n);
  });

  test("tokens and requests are counted beside dollars", () => {
    expect(boundAmounts(estimate(facts({ choices: 2 }), gpt, null)!)).toEqual({
      usd: 270_000n,
      tokens: 1_200n,
      requests: 1n,
    });
  });

  test("everything is rounded up: a pico-dollar holds a nano-dollar", () => {
    const cheap = createPriceRow({ id: "x/y@start", provider: "x", model: "y", pico: { input: 1n, output: 0n } });
    expect(usd({ inputTokensMax: 1 }, cheap)).toBe(1n);
  });

  test("a cap of 10³⁰ tokens is cut to what no call can make, and a bound beyond int64 to its edge", () => {
    const huge = estimate(facts({ outputTokensMax: 1e30, choices: 128 }), opus, null)!;
    expect(huge.outputTokensMax).toBe(1_000_000_000);
    expect(boundAmounts(huge).usd).toBe(4_000_000n + 20_000_000_000_000n);
    expect(boundAmounts({ ...huge, inputUsd: NANO_MAX }).usd).toBe(NANO_MAX);
    expect(sliceAmounts(huge, 1_024).usd).toBe(4_000_000n + 20_480_000n);
  });
});

describe("where no bound exists, none is made up", () => {
  test.each<[string, Partial<CallFacts>, PriceRow]>([
    ["audio on a model that has no audio price", { inputAudioTokensMax: 1 }, gpt],
    ["audio output without a price", { outputAudio: true }, gpt],
    ["pictures by a chat model without a price", { outputImage: true }, gpt],
    ["a tool without a price", { unitsMax: { web_search_call: 1 } }, row("groq", "llama-3.1-8b-instant")],
    ["a tier the model does not have", { tier: "fast" }, row("anthropic", "claude-haiku-4-5")],
    ["a tier nobody has", { tier: "hyperspeed" }, gpt],
    ["a place nobody has", { geo: "moon" }, opus],
    ["output of an embedding model", {}, row("openai", "text-embedding-3-small")],
  ])("%s", (_what, more, price) => {
    expect(estimate(facts(more), price, null)).toBeNull();
  });

  test("a unit without a bound is named, priced by the piece, and left out of the amounts", () => {
    const unitsMax = { web_search_call: Infinity, file_search_call: 2 };
    expect(estimate(facts({ unitsMax }), row("openai", "gpt-4.1"), null)).toMatchObject({
      bounded: false,
      unboundedUnits: ["web_search_call"],
      unboundedUnitUsd: 10_000_000n,
      unitsUsd: 5_000_000n,
      inputUsd: 7_000_000n,
    });
  });

  test("a unit that costs nothing needs no bound", () => {
    expect(estimate(facts({ unitsMax: { web_fetch_call: Infinity } }), opus, null)!.bounded).toBe(true);
  });
});

describe("slices", () => {
  const e = estimate(facts({ outputTokensMax: 1_000 }), gpt, null)!;

  test("a slice is input and so much output; more than the call can make is cut", () => {
    expect(sliceAmounts(e, 0)).toEqual({ usd: 150_000n, tokens: 1_000n, requests: 1n });
    expect(sliceAmounts(e, 100).usd).toBe(210_000n);
    expect(sliceAmounts(e, 1e9)).toEqual(boundAmounts(e));
  });

  test("an extension adds output and no request", () => {
    expect(outputAmounts(e, 100)).toEqual({ usd: 60_000n, tokens: 100n, requests: 0n });
  });

  test.each<[string, Partial<CallFacts>, number]>([
    ["nothing is hidden", {}, 0],
    ["no ceiling of its own: the cap", { outputHidden: true }, 1_000],
    ["a ceiling of its own", { outputHidden: true, outputHiddenMax: 300 }, 300],
    ["for each choice", { outputHidden: true, outputHiddenMax: 300, choices: 2 }, 600],
    ["never above the output", { outputHidden: true, outputHiddenMax: 9_999 }, 1_000],
  ])("hidden tokens: %s", (_what, more, hidden) => {
    expect(estimate(facts({ outputTokensMax: 1_000, ...more }), gpt, null)!.hiddenTokensMax).toBe(hidden);
  });
});

test("a project that serves unnamed calls by priority is held at priority, named ones as named", () => {
  const unnamed = { tier: "priority", geo: null };
  const bound = (tier: string | null) => boundAmounts(estimate(facts({ tier }), gpt, null, unnamed)!).usd;
  expect([bound(null), bound("auto"), bound("default"), bound("flex")]).toEqual([
    350_000n,
    350_000n,
    210_000n,
    210_000n,
  ]);
});

describe("a call that several models may serve", () => {
  test("is held at the dearest figure of each", () => {
    const e = estimateDearest(facts(), [gpt, opus], null)!;
    expect(boundAmounts(e)).toEqual(boundAmounts(estimate(facts(), opus, null)!));
    expect(estimateDearest(facts(), [gpt], null)).toEqual(estimate(facts(), gpt, null));
  });

  test("has no bound where one of them has none", () => {
    expect(estimateDearest(facts({ geo: "us" }), [opus, row("anthropic", "claude-haiku-4-5")], null)).toBeNull();
    expect(estimateDearest(facts(), [], null)).toBeNull();
  });
});
