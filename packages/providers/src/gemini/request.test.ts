import type { CallFacts } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import { BadRequest } from "../adapter.ts";
import type { Route } from "../adapter.ts";
import { gemini } from "./index.ts";

function routeOf(method: string, model = "gemini-2.0-flash"): Route {
  return gemini.route(`/v1beta/models/${model}:${method}`) as Route;
}

function parse(body: object, route = routeOf("generateContent")): CallFacts {
  return gemini.parseRequest(route, body, Buffer.byteLength(JSON.stringify(body)), {});
}

const parts = (...list: object[]): object => ({ contents: [{ role: "user", parts: list }] });
const inline = (mimeType: string, bytes: number): object => ({
  inlineData: { mimeType, data: "A".repeat((bytes / 3) * 4) },
});

describe("a path is read as one endpoint or none", () => {
  const model = "gemini-2.5-flash";
  it.each<[path: string, expected: Partial<Route> | null]>([
    [
      `/v1beta/models/${model}:generateContent`,
      { endpoint: "generate_content", stream: false, model, upstreamPath: `/v1beta/models/${model}:generateContent` },
    ],
    [
      `/v1/models/${model}:streamGenerateContent?alt=sse`,
      { endpoint: "generate_content", stream: true, upstreamPath: `/v1/models/${model}:streamGenerateContent?alt=sse` },
    ],
    [
      `/v1beta/models/${model}:streamGenerateContent`,
      { stream: true, upstreamPath: `/v1beta/models/${model}:streamGenerateContent` },
    ],
    [`/v1beta/models/${model}:embedContent`, { endpoint: "embed_content", stream: false }],
    [`/v1beta/models/${model}:batchEmbedContents`, { endpoint: "batch_embed_contents" }],
    [`/v1beta/models/${model}:countTokens`, { endpoint: "count_tokens" }],
    [
      "/v1beta/tunedModels/mine-1:generateContent",
      { model: "tunedModels/mine-1", upstreamPath: "/v1beta/tunedModels/mine-1:generateContent" },
    ],
    [`/v1beta/models%2F${model}%3AgenerateContent`, { model, upstreamPath: `/v1beta/models/${model}:generateContent` }],
    [
      `/v1beta/models/${model}:streamGenerateContent?key=AIza-secret&alt=sse`,
      { upstreamPath: `/v1beta/models/${model}:streamGenerateContent?alt=sse` },
    ],
    [
      `/v1beta/models/${model}:streamGenerateContent?k%65y=AIza-secret&prettyPrint=false&$alt=sse`,
      { upstreamPath: `/v1beta/models/${model}:streamGenerateContent?prettyPrint=false&alt=sse` },
    ],
    [
      `/v1beta/models/${model}:generateContent?fields=candidates&$fields=x&callback=f&alt=proto`,
      { upstreamPath: `/v1beta/models/${model}:generateContent` },
    ],
    [`/v1beta/models/${model}%253AgenerateContent`, null],
    [`/v1beta/models/${model}:predict`, null],
    [`/v1beta/models/../${model}:generateContent`, null],
    [`/v1beta/models/a%2Fb:generateContent`, null],
    [`/v1beta/models/${model}`, null],
    ["/v1beta/models/%E0%A4%A:generateContent", null],
    [`/models/${model}:generateContent`, null],
  ])("%s", (path, expected) => {
    const found = gemini.route(path);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject(expected);
  });
});

describe("what a request can cost is bounded from above", () => {
  const gemini3 = routeOf("generateContent", "gemini-3-pro-preview");
  const flash = routeOf("generateContent", "gemini-2.5-flash");
  const config = (over: object): object => ({ generationConfig: over });
  const cases: readonly [name: string, body: object, facts: Partial<CallFacts>, route?: Route][] = [
    [
      "plain",
      parts({ text: "hi" }),
      {
        outputTokensMax: null,
        choices: 1,
        outputHidden: false,
        inputHidden: false,
        unitsMax: {},
        streamable: true,
        free: false,
      },
    ],
    ["a cap", config({ maxOutputTokens: 512 }), { outputTokensMax: 512 }],
    [
      "the largest of all aliases",
      {
        generationConfig: { maxOutputTokens: 5, max_output_tokens: "9000" },
        generation_config: { maxOutputTokens: 70 },
      },
      { outputTokensMax: 9000 },
    ],
    ["a cap of 0 is the default, no cap", config({ maxOutputTokens: 0 }), { outputTokensMax: null }],
    ["candidates", config({ candidate_count: 4 }), { choices: 4 }],
    ["thinking off", config({ thinkingConfig: { thinkingBudget: 0 } }), { outputHidden: false }, flash],
    [
      "thinking left to the model",
      config({ thinkingConfig: { thinkingBudget: -1 } }),
      { outputHidden: true, outputHiddenMax: null },
      flash,
    ],
    [
      "thinking with a budget",
      config({ thinking_config: { thinking_budget: 2048 } }),
      { outputHidden: true, outputHiddenMax: 2048 },
      flash,
    ],
    [
      "two budgets, one automatic",
      config({ thinkingConfig: { thinkingBudget: 9, thinking_budget: -1 } }),
      { outputHidden: true, outputHiddenMax: null },
      flash,
    ],
    [
      "a thinking level",
      config({ thinkingConfig: { thinkingLevel: "LOW" } }),
      { outputHidden: true, outputHiddenMax: null },
      gemini3,
    ],
    ["a model that thinks unasked", {}, { outputHidden: true, outputHiddenMax: null }, gemini3],
    ["a model that does not", {}, { outputHidden: false }, routeOf("generateContent", "gemini-2.5-flash-lite")],
    ["speech out", config({ responseModalities: ["audio"] }), { outputAudio: true, outputImage: false }],
    ["pictures out", config({ response_modalities: ["TEXT", "IMAGE"] }), { outputImage: true }],
    ["a model made for pictures", {}, { outputImage: true }, routeOf("generateContent", "gemini-2.5-flash-image")],
    ["an image", parts(inline("image/png", 3000)), { inputImageTokensMax: 6450, inputHidden: false }],
    [
      "an image, snake case, lower and upper",
      parts({ inline_data: { mime_type: "IMAGE/PNG", data: "AAAA" } }),
      { inputImageTokensMax: 6450 },
    ],
    ["MP3: 8 kbit/s at least", parts(inline("audio/mp3", 3000)), { inputAudioTokensMax: 96 }],
    ["other audio: a token a byte", parts(inline("audio/flac", 3000)), { inputAudioTokensMax: 3000 }],
    ["audio: 9.5 hours at most", parts(inline("audio/wav", 1_500_000)), { inputAudioTokensMax: 1_094_400 }],
    ["video", parts(inline("video/mp4", 30)), { inputHidden: true }],
    ["PDF", parts(inline("application/pdf", 30)), { inputHidden: true }],
    ["a file", parts({ fileData: { fileUri: "https://example.com/v" } }), { inputHidden: true }],
    [
      "a file, snake case, in a function's response",
      parts({ function_response: { name: "f", parts: [{ file_data: {} }] } }),
      { inputHidden: true },
    ],
    ["a cache", { cachedContent: "cachedContents/1" }, { inputHidden: true }],
    [
      "search, billed by prompt",
      { tools: [{ googleSearch: {} }] },
      { unitsMax: { grounded_prompt: 1 }, inputHidden: true },
      flash,
    ],
    [
      "search, billed by query",
      { tools: [{ google_search: {} }] },
      { unitsMax: { web_search_call: Infinity }, inputHidden: true },
      gemini3,
    ],
    ["URL context", { tools: [{ urlContext: {} }] }, { inputHidden: true, unitsMax: {} }],
    ["code execution", { tools: [{ code_execution: {} }] }, { inputHidden: true }],
    ["a tool made later", { tools: [{ telepathy: {} }] }, { inputHidden: true }],
    ["declared functions", { tools: [{ functionDeclarations: [{ name: "f" }] }] }, { inputHidden: false }],
    ["tier", { service_tier: "FLEX" }, { tier: "flex" }],
    ["tier not said", { serviceTier: "unspecified" }, { tier: null }],
    [
      "embedding",
      { content: { parts: [{ text: "x" }] } },
      { outputTokensMax: 0, streamable: false, free: false },
      routeOf("embedContent"),
    ],
    [
      "batch of embeddings with media",
      { requests: [{ model: "models/gemini-2.0-flash", content: { parts: [inline("image/png", 3)] } }] },
      { inputImageTokensMax: 6450 },
      routeOf("batchEmbedContents"),
    ],
    ["countTokens", {}, { free: true, streamable: false }, routeOf("countTokens")],
  ];
  it.each(cases)("%s", (_name, body, facts, route) => {
    expect(parse(body, route)).toMatchObject(facts);
  });

  it("takes base64 media off the text bound, and nothing that only looks like it", () => {
    const image = inline("image/png", 30_000);
    expect(parse(parts(image)).inputTokensMax).toBeLessThan(1_000);
    expect(parse(parts(inline("text/plain", 30_000))).inputTokensMax).toBeGreaterThan(40_000);
    const disguised = parse(
      parts({ functionCall: { name: "f", args: { parts: [image], contents: [{ parts: [image] }] } } }),
    );
    expect(disguised).toMatchObject({ inputImageTokensMax: 0 });
    expect(disguised.inputTokensMax).toBeGreaterThan(80_000);
  });

  it("gives all text for an exact count, media left out", () => {
    const body = {
      systemInstruction: { parts: [{ text: "be short" }] },
      ...parts({ text: "é🙂" }, inline("image/png", 30_000)),
    };
    const texts = gemini.inputTexts(routeOf("generateContent"), body);
    expect(texts).toEqual(expect.arrayContaining(["be short", "é🙂"]));
    expect(texts.join("").length).toBeLessThan(200);
  });

  it("reads a body nested 100,000 deep without overflowing the stack", () => {
    const depth = 100_000;
    const nested: unknown = JSON.parse(`${'[{"parts":'.repeat(depth)}"x"${"}]".repeat(depth)}`);
    expect(gemini.parseRequest(routeOf("generateContent"), { contents: nested }, 10, {}).inputHidden).toBe(false);
    expect(gemini.inputTexts(routeOf("generateContent"), { contents: nested })).toContain("x");
  });
});

describe("a field that decides cost and cannot be read is refused by name", () => {
  const max = "generationConfig.maxOutputTokens";
  const cases: readonly [field: string, body: object][] = [
    [max, { generationConfig: { maxOutputTokens: -1 } }],
    [max, { generationConfig: { maxOutputTokens: 1.5 } }],
    [max, { generationConfig: { maxOutputTokens: "1e9" } }],
    [max, { generation_config: { max_output_tokens: 1e300 } }],
    ["generationConfig", { generationConfig: [] }],
    ["generationConfig.candidateCount", { generationConfig: { candidateCount: true } }],
    ["generationConfig.thinkingConfig", { generationConfig: { thinkingConfig: 1 } }],
    [
      "generationConfig.thinkingConfig.thinkingBudget",
      { generationConfig: { thinkingConfig: { thinkingBudget: -2 } } },
    ],
    ["serviceTier", { serviceTier: 3 }],
    ["tools[0]", { tools: ["googleSearch"] }],
    ["model", { model: "models/gemini-3-pro-preview" }],
    ["requests", { requests: {} }],
    ["requests[0].model", { requests: [{ model: "models/other" }] }],
  ];
  it.each(cases)("%s of %j", (field, body) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ name: "BadRequest", field }));
  });

  it.each([[null], [[]], ["text"], [7]])("a body that is %j", (body) => {
    expect(() => gemini.parseRequest(routeOf("generateContent"), body, 4, {})).toThrow(BadRequest);
  });
});
