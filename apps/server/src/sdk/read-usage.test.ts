import { describe, expect, test } from "vitest";
import type { SdkRecord } from "@tollhouse/contract";
import { createAdapterOf } from "./adapters.ts";
import { answerOf, reportOf } from "./read-usage.ts";
import { sdkFacts } from "./sdk-facts.ts";

const adapterOf = createAdapterOf(new Map());

function read(provider: string, said: Partial<SdkRecord>): unknown {
  const adapter = adapterOf(provider);
  const answer = answerOf(said as SdkRecord, adapter);
  if (answer === null) return null;
  const { endpoint } = answer;
  const facts = sdkFacts({ endpoint, model: "m", inputTokensMax: 0, outputTokensMax: null, tier: null });
  const report = reportOf(adapter, facts, answer);
  return report === null ? null : { endpoint, usage: report.usage, tier: report.tier, doubt: report.doubt };
}

const cached = { prompt_tokens_details: { cached_tokens: 20 }, completion_tokens_details: { reasoning_tokens: 3 } };
const details = { cacheReadInputTokens: 20, cacheCreationInputTokens: 7 };

describe("the usage of each provider, in either spelling, in disjoint classes", () => {
  test.each([
    [
      "openai",
      { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, ...cached },
      "chat_completions",
      { input: 80, input_cache_read: 20, output: 7, output_reasoning: 3 },
    ],
    [
      "openai",
      { promptTokens: 100, completionTokens: 10, promptTokensDetails: { cachedTokens: 20 } },
      "chat_completions",
      { input: 80, input_cache_read: 20, output: 10 },
    ],
    ["openai", { input_tokens: 5, output_tokens: 2, total_tokens: 7 }, "responses", { input: 5, output: 2 }],
    ["openai", { prompt_tokens: 5, total_tokens: 5 }, "embeddings", { input: 5 }],
    [
      "a-host-nobody-configured",
      { prompt_tokens: 5, completion_tokens: 1 },
      "chat_completions",
      { input: 5, output: 1 },
    ],
    [
      "anthropic",
      { inputTokens: 5, outputTokens: 2, ...details },
      "messages",
      { input: 5, output: 2, input_cache_read: 20, input_cache_write_5m: 7 },
    ],
    [
      "gemini",
      {
        promptTokenCount: 9,
        cachedContentTokenCount: 4,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 2,
        totalTokenCount: 14,
      },
      "generate_content",
      { input: 5, input_cache_read: 4, output: 3, output_reasoning: 2 },
    ],
    [
      "google",
      { prompt_token_count: 9, candidates_token_count: 3, total_token_count: 12 },
      "generate_content",
      { input: 9, output: 3 },
    ],
    ["anthropic", { input: 3, output: 1, web_search_call: 2 }, "messages", { input: 3, output: 1, web_search_call: 2 }],
  ])("%s: %j", (provider, usage, endpoint, classes) => {
    expect(read(provider, { usage })).toMatchObject({ endpoint, usage: classes, doubt: null });
  });

  test.each([[{}], [{ seconds: 5 }]])("%j is none", (usage) => {
    expect(read("openai", { usage })).toBeNull();
  });

  test.each([
    [{ prompt_tokens: "5" }, "usage.prompt_tokens"],
    [{ prompt_tokens: -1 }, "usage.prompt_tokens"],
    [{ prompt_tokens: 5, promptTokensDetails: { cachedTokens: 0.5 } }, "usage.prompt_tokens_details.cached_tokens"],
    [{ prompt_tokens: 5 }, "usage"],
    [{ completion_tokens: 5 }, "usage"],
  ])("%j is refused: %s is no count, or missing", (usage, field) => {
    expect(() => read("openai", { usage })).toThrow(`${field}: expected`);
  });

  test("the tier is what the record says, or the answer", () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    expect(read("openai", { usage, service_tier: "flex" })).toMatchObject({ tier: "flex" });
    expect(read("openai", { response: { service_tier: "priority", usage } })).toMatchObject({ tier: "priority" });
    expect(read("anthropic", { usage: { input_tokens: 1, output_tokens: 1 }, service_tier: "batch" })).toMatchObject({
      tier: "batch",
    });
    expect(read("gemini", { usage: { promptTokenCount: 1 }, service_tier: "flex" })).toMatchObject({ tier: "flex" });
  });

  test("the tools of a whole answer are counted as the gateway counts them", () => {
    const response = {
      object: "response",
      output: [{ type: "web_search_call" }],
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    expect(read("openai", { response })).toMatchObject({ usage: { web_search_call: 1 } });
  });
});
