import { readFileSync } from "node:fs";
import type { CallFacts, Usage, UsageReport } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import type { Route } from "../adapter.ts";
import { gemini } from "./index.ts";

type Headers = Readonly<Record<string, string | undefined>>;

function routeOf(method: string, model = "gemini-2.5-flash"): Route {
  return gemini.route(`/v1beta/models/${model}:${method}`) as Route;
}

const events = routeOf("streamGenerateContent?alt=sse");
const array = routeOf("streamGenerateContent");

function factsOf(route: Route): CallFacts {
  return gemini.parseRequest(route, {}, 2, {});
}

function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url));
}

function whole(body: unknown, route = routeOf("generateContent"), headers: Headers = {}): UsageReport | null {
  return gemini.usageOf(route, factsOf(route), body, headers);
}

function streamed(bytes: Buffer | string, route = events): UsageReport | null {
  const meter = gemini.meter(route, factsOf(route), {}, false);
  meter.push(Buffer.from(bytes));
  meter.flush();
  return meter.report();
}

const usage = (over: object): object => ({ usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, ...over } });
const event = (body: object): string => `data: ${JSON.stringify(body)}\n\n`;
const complete = { candidates: [{ finishReason: "STOP" }], ...usage({}) };
const last = (over: object = {}): string => event({ ...complete, ...usage(over) });

const THINKING: Usage = { input: 9, output: 11, output_reasoning: 25 };
const CACHED: Usage = {
  input: 4900 - 4000 + 700,
  input_cache_read: 4000,
  input_audio: 142 - 96,
  input_audio_cached: 96,
  input_image: 258,
  output: 40,
  web_search_call: 2,
};
const IMAGE: Usage = { input: 12, output: 10, output_image: 1290 };
const TWO: Usage = { input: 7, output: 6 };
const BLOCKED: Usage = { input: 31, output: 0 };
const OF_10_AND_5: Usage = { input: 10, output: 5 };

const fromJson = (name: string, route?: Route): UsageReport | null =>
  whole(JSON.parse(fixture(name).toString()), route);
const gemini3 = routeOf("generateContent", "gemini-3-flash-preview");
const gemini3Events = routeOf("streamGenerateContent?alt=sse", "gemini-3-flash-preview");
const grounded = { candidates: [{ groundingMetadata: { webSearchQueries: ["a", "", "b"] } }] };

describe("usage is exact to the token, in disjoint classes", () => {
  const cases: readonly [name: string, read: () => UsageReport | null, usage: Usage | null, doubt?: RegExp][] = [
    ["whole, thinking", () => fromJson("thinking-text.json"), THINKING],
    ["events, thinking", () => streamed(fixture("thinking-text.sse")), THINKING],
    ["array, thinking", () => streamed(fixture("thinking-text.array"), array), THINKING],
    ["whole, cached, tools, audio and image in", () => fromJson("cached-tools.json", gemini3), CACHED],
    ["events, cached, tools, audio and image in", () => streamed(fixture("cached-tools.sse"), gemini3Events), CACHED],
    ["whole, image out", () => fromJson("image-output.json"), IMAGE],
    ["events, image out, usage on the last only", () => streamed(fixture("image-output.sse")), IMAGE],
    ["array, image out", () => streamed(fixture("image-output.array"), array), IMAGE],
    ["events, two candidates", () => streamed(fixture("two-candidates.sse")), TWO],
    ["whole, blocked prompt", () => fromJson("blocked.json"), BLOCKED],
    ["events, blocked prompt", () => streamed(fixture("blocked.sse")), BLOCKED],
    ["events, failed", () => streamed(fixture("unavailable.sse")), null],
    [
      "a zero left out",
      () => whole({ usageMetadata: { promptTokenCount: 3, totalTokenCount: 3 } }),
      { input: 3, output: 0 },
    ],
    ["explicit zeros", () => whole({ usageMetadata: { promptTokenCount: 0 } }), { input: 0, output: 0 }],
    ["grounding, billed by prompt", () => whole({ ...grounded, ...usage({}) }), { ...OF_10_AND_5, grounded_prompt: 1 }],
    [
      "grounding, billed by query",
      () => whole({ ...grounded, ...usage({}) }, gemini3),
      { ...OF_10_AND_5, web_search_call: 2 },
    ],
    [
      "total above its parts",
      () => whole(usage({ totalTokenCount: 18 })),
      { input: 10, output: 8 },
      /totalTokenCount 18/,
    ],
    [
      "total without the thoughts",
      () => whole(usage({ thoughtsTokenCount: 4, totalTokenCount: 15 })),
      { ...OF_10_AND_5, output_reasoning: 4 },
      /totalTokenCount 15/,
    ],
    [
      "cached above the prompt",
      () => whole(usage({ cachedContentTokenCount: 12 })),
      { input: 0, input_cache_read: 10, output: 5 },
      /clamped/,
    ],
    [
      "cached without modality: text first",
      () =>
        whole(
          usage({
            cachedContentTokenCount: 4,
            promptTokensDetails: [
              { modality: "AUDIO", tokenCount: 7 },
              { modality: "TEXT", tokenCount: 3 },
            ],
          }),
        ),
      { input: 0, input_cache_read: 3, input_audio: 6, input_audio_cached: 1, output: 5 },
    ],
    [
      "details short of the count: the rest is text",
      () => whole(usage({ promptTokensDetails: [{ modality: "AUDIO", tokenCount: 4 }] })),
      { input: 6, input_audio: 4, output: 5 },
      /promptTokensDetails add up to 4/,
    ],
    [
      "speech out",
      () => whole(usage({ candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 5 }] })),
      { input: 10, output: 0, output_audio: 5 },
    ],
    [
      "tools in audio",
      () =>
        whole(
          usage({ toolUsePromptTokenCount: 2, toolUsePromptTokensDetails: [{ modality: "AUDIO", tokenCount: 2 }] }),
        ),
      { ...OF_10_AND_5, input_audio: 2 },
    ],
    ["embedding without usage", () => whole({ embedding: { values: [0.1] } }, routeOf("embedContent")), null],
    [
      "embedding with usage",
      () => whole({ embedding: {}, usageMetadata: { promptTokenCount: 6 } }, routeOf("embedContent")),
      { input: 6, output: 0 },
    ],
    ["batch of embeddings", () => whole({ embeddings: [] }, routeOf("batchEmbedContents")), null],
    ["countTokens", () => whole({ totalTokens: 31, ...usage({}) }, routeOf("countTokens")), null],
    ["whole, no usage", () => whole({ candidates: [] }), null],
    ["whole, empty metadata", () => whole({ usageMetadata: {} }), null],
    ["whole, no object", () => whole([usage({})]), null],
    [
      "negative, fraction, text, huge",
      () =>
        whole(
          usage({
            cachedContentTokenCount: -1,
            thoughtsTokenCount: 1.5,
            toolUsePromptTokenCount: "7",
            totalTokenCount: 1e300,
          }),
        ),
      OF_10_AND_5,
      /cachedContentTokenCount is no count/,
    ],
    ["events, no usage", () => streamed(event({ candidates: [{ finishReason: "STOP" }] })), null],
    ["events, twice the same", () => streamed(last() + last()), OF_10_AND_5],
    [
      "events, cumulative, never summed",
      () => streamed(event(usage({ candidatesTokenCount: 2 })) + last()),
      OF_10_AND_5,
    ],
    ["events, null keeps the one before", () => streamed(last() + event({ usageMetadata: null })), OF_10_AND_5],
    [
      "events, usage after the end",
      () => streamed(event({ candidates: [{ finishReason: "STOP" }] }) + event(usage({}))),
      OF_10_AND_5,
    ],
    ["events, usage so far and no end: to be counted", () => streamed(event(usage({}))), null],
    ["events, prompt only and no end", () => streamed(event({ usageMetadata: { promptTokenCount: 10 } })), null],
    ["events, cut inside a JSON string", () => streamed(last().slice(0, 30)), null],
    [
      "events, broken frames between",
      () => streamed('data: {"candi\n\n: ping\n\ndata: null\n\ndata: [1]\n\n' + last()),
      OF_10_AND_5,
    ],
    [
      "array, cut inside a JSON string",
      () => streamed(`[${JSON.stringify(usage({}))},{"candidates":[{"content":{"parts":[{"text":"a]`, array),
      null,
    ],
    ["one JSON answer to a stream of events", () => streamed(JSON.stringify(complete)), OF_10_AND_5],
    ["one JSON answer to a stream as array", () => streamed(JSON.stringify(complete), array), OF_10_AND_5],
  ];
  it.each(cases)("%s", (_name, read, expected, doubt) => {
    const report = read();
    expect(report?.usage ?? null).toEqual(expected);
    if (doubt === undefined) expect(report?.doubt ?? null).toBeNull();
    else expect(report?.doubt).toMatch(doubt);
  });
});

describe("a report says what served the call", () => {
  it.each<[tier: string | null, over: object, headers: Headers]>([
    ["flex", {}, { "x-gemini-service-tier": "FLEX" }],
    ["standard", { trafficType: "ON_DEMAND_PRIORITY" }, { "x-gemini-service-tier": "standard" }],
    ["priority", { trafficType: "ON_DEMAND_PRIORITY" }, {}],
    ["provisioned", { trafficType: "PROVISIONED_THROUGHPUT" }, {}],
    [null, { trafficType: "constructor" }, {}],
    [null, {}, {}],
  ])("tier %s", (tier, over, headers) => {
    expect(whole(usage(over), undefined, headers)?.tier).toBe(tier);
  });

  it("names the model and the id", () => {
    expect(fromJson("thinking-text.json")).toMatchObject({ model: "gemini-2.5-flash", providerId: "d3Jl-Z8kGNj" });
  });

  it("gives the input of a stream that broke off", () => {
    const meter = gemini.meter(events, factsOf(events), {}, false);
    meter.push(Buffer.from(event(usage({ candidatesTokenCount: 2, thoughtsTokenCount: 3 }))));
    expect(meter.report()).toBeNull();
    expect(meter.partial()?.usage).toEqual({ input: 10 });
  });
});
