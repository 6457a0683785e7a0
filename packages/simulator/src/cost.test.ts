import { expect, test } from "vitest";
import { costNano } from "./cost.ts";
import { type Model, Models, picoPerUnit } from "./model.ts";

const models = new Models({});

function model(name: string, provider: Model["provider"] = "openai"): Model {
  const found = models.find(name, provider);
  if (found === null) throw new Error(`expected ${name} in the price table`);
  return found;
}

test("dollars per million become whole pico-dollars, or are refused", () => {
  expect(picoPerUnit("0.15")).toBe(150_000n);
  expect(picoPerUnit("10000")).toBe(10_000_000_000n);
  expect(picoPerUnit("0.000001")).toBe(1n);
  for (const text of ["", "1e3", "-1", ".5", "0.0000001"]) expect(() => picoPerUnit(text)).toThrow(RangeError);
});

test.each([
  // 1 × 75,000 pico = 75 nano; 1 × 150,000 = 150 nano.
  ["gpt-4o-mini", "openai", { input_cache_read: 1, input: 1 }, null, 225n],
  // 1 × 2,500,000 ÷ 2 = 1,250 nano.
  ["gpt-4o", "openai", { input: 1 }, "flex", 1_250n],
  // 3 × 25,000 ÷ 2 = 37,500 pico = 37.5 nano: half up.
  ["gpt-5-mini", "openai", { input_cache_read: 3 }, "flex", 38n],
  // 7 × 75,000 ÷ 2 = 262,500 pico.
  ["gpt-4o-mini", "openai", { input_cache_read: 7 }, "batch", 263n],
  // 1 × 150,000 × 5/3 = 250 nano; a search keeps its price.
  ["gpt-4o-mini", "openai", { input: 1, web_search_call: 1 }, "priority", 10_000_250n],
  // 1 × 1,100,000 × 20/11 = 2,000 nano.
  ["o4-mini", "openai", { input: 1 }, "priority", 2_000n],
  ["gemini-2.5-flash", "gemini", { input: 1, grounded_prompt: 1 }, "priority", 35_000_600n],
  ["gpt-4o-mini", "openai", {}, null, 0n],
  // 200,000 is still the first price: 200,000 × 1.25 + 10 × 10 micro-dollars.
  ["gemini-2.5-pro", "gemini", { input: 200_000, output: 10 }, null, 250_100_000n],
  // One more, and the whole request is dearer: 200,001 × 2.5 + 10 × 15.
  ["gemini-2.5-pro", "gemini", { input: 200_001, output: 10 }, null, 500_152_500n],
  // Cached tokens count towards the cliff: 1 × 2.5 + 200,000 × 0.25.
  ["gemini-2.5-pro", "gemini", { input: 1, input_cache_read: 200_000 }, null, 50_002_500n],
  // 1 × 6 + 100,000 × 7.5 + 100,000 × 12 micro-dollars.
  [
    "claude-sonnet-4-5",
    "anthropic",
    { input: 1, input_cache_write_5m: 100_000, input_cache_write_1h: 100_000 },
    null,
    1_950_006_000n,
  ],
  ["claude-opus-4-5", "anthropic", { output: 4, output_reasoning: 6, web_search_call: 1 }, null, 10_250_000n],
  ["whisper-1", "openai", { audio_second: 61 }, null, 6_100_000n],
] as const)("%s (%s) %j at tier %s costs %s nano-dollars", (name, provider, classes, tier, cost) => {
  expect(costNano(model(name, provider), classes, tier)).toBe(cost);
});

test("a class that has no price is an error, never free", () => {
  expect(() => costNano(model("whisper-1"), { output: 1 }, null)).toThrow(/price of output for whisper-1/);
});

test("a dated name finds its model, and a deployment the longest name inside it", () => {
  expect(models.find("gpt-4o-2024-08-06", "openai")?.name).toBe("gpt-4o");
  expect(models.ofDeployment("team-gpt-4o-mini-prod")?.name).toBe("gpt-4o-mini");
  expect(models.ofDeployment("something")).toBeNull();
});
