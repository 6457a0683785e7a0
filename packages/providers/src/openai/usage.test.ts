import { type CallFacts, type Endpoint, tokensOf } from "@tollhouse/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ANSWERS } from "./fixtures/answers.ts";
import { openai } from "./index.ts";
import { nanoOf } from "./money-text.ts";

function callOf(
  endpoint: Endpoint,
  model = "m",
): { route: NonNullable<ReturnType<typeof openai.route>>; facts: CallFacts } {
  const path = endpoint.replace("_", "/");
  const route = openai.route(`/v1/${path}`);
  if (route === null) throw new Error(`no route ${path}`);
  return { route, facts: openai.parseRequest(route, { model, input: "x", file: { bytes: 9 } }, 100, {}) };
}

function reportOf(endpoint: Endpoint, answer: unknown, model?: string): ReturnType<typeof openai.usageOf> {
  const { route, facts } = callOf(endpoint, model);
  return openai.usageOf(route, facts, answer, { "x-request-id": "req_1" });
}

test.each(ANSWERS.map((row) => [row[0], row] as const))("%s: exact usage", (_name, row) => {
  const [, endpoint, answer, usage, doubted] = row;
  const report = reportOf(endpoint, answer);
  expect(report === null ? null : report.usage).toEqual(usage);
  if (report !== null) expect(report.doubt === null ? undefined : "doubt", String(report.doubt)).toBe(doubted);
});

test("classes are disjoint: without a doubt they come to the provider's own total", () => {
  const n = fc.nat(1_000);
  fc.assert(
    fc.property(n, n, n, n, n, n, fc.boolean(), (text, cached, write, audio, output, reasoning, beside) => {
      const prompt = text + cached + write + audio;
      const completion = beside ? output : output + reasoning;
      const usage = {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + output + reasoning,
        prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: write, audio_tokens: audio },
        completion_tokens_details: { reasoning_tokens: reasoning },
      };
      const report = reportOf("chat_completions", { usage });
      if (report === null) throw new Error("no report");
      expect(report.doubt).toBeNull();
      expect(tokensOf(report.usage)).toBe(usage.total_tokens);
      expect(report.usage.input).toBe(text);
      expect(report.usage.output).toBe(output);
    }),
  );
});

test("hostile usage never throws, and no class is negative or a fraction", () => {
  const number = fc.oneof(fc.integer(), fc.double(), fc.constant(null), fc.string(), fc.nat(100));
  const details = fc.dictionary(
    fc.constantFrom("cached_tokens", "audio_tokens", "reasoning_tokens", "image_tokens"),
    number,
  );
  const usage = fc.record(
    {
      prompt_tokens: number,
      completion_tokens: number,
      total_tokens: number,
      input_tokens: number,
      prompt_tokens_details: fc.oneof(details, number),
      completion_tokens_details: fc.oneof(details, number),
      cost: number,
      cost_in_usd_ticks: number,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(usage, fc.jsonValue()), (value) => {
      const report = reportOf("chat_completions", { usage: value, model: value });
      for (const count of Object.values(report?.usage ?? {}))
        expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
      if (report?.costNano !== null && report?.costNano !== undefined) expect(report.costNano >= 0n).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test.each<[object, bigint | null]>([
  [{ cost: 0.00014 }, 140_000n],
  [{ cost: 1.2e-7 }, 120n],
  [{ cost: 0 }, 0n],
  [{ cost: "0.1" }, 100_000_000n],
  [{ cost: -1 }, null],
  [{ cost: null }, null],
  [{ cost: {} }, null],
  [{ cost: { total_cost: 0.006 } }, 6_000_000n],
  [{ cost: 0.001, is_byok: true, cost_details: { upstream_inference_cost: 0.02 } }, 21_000_000n],
  [{ cost: 0.001, is_byok: true }, null],
  [{ cost_in_usd_ticks: 10_000_000_000 }, 1_000_000_000n],
  [{ cost_in_usd_ticks: 14 }, 1n],
  [{ cost_in_usd_ticks: 15 }, 2n],
])("the cost that a host states, %j, is %s nano-dollars", (more, nano) => {
  expect(reportOf("chat_completions", { usage: { prompt_tokens: 1, completion_tokens: 1, ...more } })?.costNano).toBe(
    nano,
  );
});

test("dollars as text are exact to the nano-dollar, rounded half up, in any notation", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.integer({ min: -5, max: 12 }), (digits, places) => {
      const nano = nanoOf(`${digits}e${-places}`);
      const scaled = digits * 10n ** BigInt(9 + 5);
      const divisor = 10n ** BigInt(places + 5);
      const expected = (2n * scaled + divisor) / (2n * divisor);
      expect(nano).toBe(expected > 10n ** 18n ? null : expected);
    }),
  );
  for (const text of ["", "-1", "NaN", "Infinity", "1e999", "0x10", "1,5"]) expect(nanoOf(text), text).toBeNull();
  expect(nanoOf("0.0000000005")).toBe(1n);
  expect(nanoOf("0.00000000049")).toBe(0n);
  expect(nanoOf("1e-50")).toBe(0n);
});

test("a search model of chat searches once a call, though no answer says so", () => {
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  expect(reportOf("chat_completions", { usage }, "gpt-4o-search-preview")?.usage.web_search_call).toBe(1);
});

test("who served it, at which tier and under which id", () => {
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  expect(reportOf("chat_completions", { id: "c1", model: "gpt-x", service_tier: "priority", usage })).toMatchObject({
    providerId: "c1",
    model: "gpt-x",
    tier: "priority",
    geo: null,
  });
  expect(reportOf("embeddings", { usage })).toMatchObject({ providerId: "req_1", model: null, tier: null });
});
