import { USAGE_CLASSES } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { createPriceRow, freePriceRow, PriceInvalid, UNIT_CLASSES, type Prices } from "./price-row.ts";

function filled(provider: string, model: string, pico: Prices): Prices {
  return createPriceRow({ id: "x/y@start", provider, model, pico }).pico;
}

describe("a class without a price is never free: it costs the dearest of its side, or is unknown", () => {
  test("a cache hit without a price costs a miss, thinking costs output, a picture costs text", () => {
    const pico = filled("mistral", "m", { input: 100n, output: 300n });
    expect(pico).toEqual({
      input: 100n,
      input_cache_read: 100n,
      input_cache_write_5m: 100n,
      input_cache_write_1h: 100n,
      input_image: 100n,
      output: 300n,
      output_reasoning: 300n,
    });
  });

  test.each([
    ["anthropic", "claude-x"],
    ["google", "claude-opus-4-6"],
    ["openrouter", "anthropic/claude-opus-5"],
  ])("cache writes of Claude at %s cost 1.25× and 2×", (provider, model) => {
    const pico = filled(provider, model, { input: 101n, output: 1n });
    expect(pico.input_cache_write_5m).toBe(127n); // 126.25, rounded up
    expect(pico.input_cache_write_1h).toBe(202n);
  });

  test("an hour's cache write elsewhere costs at least what five minutes cost", () => {
    expect(filled("openai", "gpt-6-sol", { input: 100n, input_cache_write_5m: 125n }).input_cache_write_1h).toBe(125n);
  });

  test("a price that is there is kept, zero included", () => {
    const pico = filled("anthropic", "claude-x", { input: 100n, input_cache_read: 0n, input_cache_write_5m: 7n });
    expect(pico.input_cache_read).toBe(0n);
    expect(pico.input_cache_write_5m).toBe(7n);
  });

  test("audio, pictures and units have no fallback", () => {
    const pico = filled("openai", "gpt-4o", { input: 1n, output: 1n });
    for (const name of ["input_audio", "input_audio_cached", "output_audio", "output_image", ...UNIT_CLASSES] as const)
      expect(pico[name], name).toBeUndefined();
  });

  test("Gemini hears at the text price where no other is named; speech and picture models make what they are for", () => {
    expect(filled("google", "gemini-2.5-pro", { input: 5n, output: 9n }).input_audio_cached).toBe(5n);
    expect(filled("google", "gemini-2.5-flash-tts", { input: 5n, output: 9n }).output_audio).toBe(9n);
    expect(filled("openai", "gpt-4o-mini-tts", { input: 5n, output: 9n }).output_audio).toBe(9n);
    expect(filled("openai", "gpt-image-1", { input: 5n, output: 9n }).output_image).toBe(9n);
  });

  test("a band has the fallbacks of its own prices and the units of the base", () => {
    const row = createPriceRow({
      id: "x/y@start",
      provider: "x",
      model: "y",
      pico: { input: 100n, output: 300n, web_search_call: 9n },
      bands: [{ aboveInputTokens: 200_000, pico: { input: 200n, output: 450n } }],
    });
    expect(row.bands[0]!.pico).toMatchObject({ input_cache_read: 200n, output_reasoning: 450n, web_search_call: 9n });
  });
});

test("a free row prices each class at zero, for any tier and place", () => {
  const row = freePriceRow("ollama");
  for (const name of USAGE_CLASSES) expect(row.pico[name]).toBe(0n);
  expect([row.model, row.tiers["*"], row.geo["*"]?.numerator]).toEqual(["*", { numerator: 1n, denominator: 1n }, 1n]);
});

const good = { id: "x/y@start", provider: "x", model: "y", pico: { input: 1n } };
test.each([
  ["a negative price", { pico: { input: -1n } }],
  ["a price that is a float", { pico: { input: 1.5 as unknown as bigint } }],
  ["an unknown class", { pico: { tokens: 1n } as Prices }],
  ["bands that do not rise", { bands: [200, 100].map((aboveInputTokens) => ({ aboveInputTokens, pico: {} })) }],
  ["a ratio over zero", { tiers: { flex: { numerator: 1n, denominator: 0n } } }],
  ["a negative ratio", { geo: { us: { numerator: -1n, denominator: 1n } } }],
  ["a negative fee", { callPico: -1n }],
  ["a fractional context window", { contextWindow: 0.5 }],
  ["an output limit of zero", { outputMax: 0 }],
  ["an end before its start", { validFromMs: 2, validToMs: 1 }],
])("%s is refused by name", (_what, wrong) => {
  expect(() => createPriceRow({ ...good, ...wrong })).toThrow(PriceInvalid);
  expect(() => createPriceRow({ ...good, ...wrong })).toThrow(/^x\/y@start\.\w+: expected /);
});
