import type { CallFacts } from "@tollhouse/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BadRequest, type Route } from "../adapter.ts";
import { openai } from "./index.ts";
import { IMAGE_TOKENS_UNKNOWN_MAX } from "./media-tokens.ts";

function routeOf(path: string): Route {
  const route = openai.route(path);
  if (route === null) throw new Error(`no route ${path}`);
  return route;
}

function factsOf(body: unknown, path = "/v1/chat/completions"): CallFacts {
  return openai.parseRequest(routeOf(path), body, Buffer.byteLength(JSON.stringify(body)), {});
}

const chat = (more: object): CallFacts => factsOf({ model: "gpt-4o-mini", messages: [], ...more });
const response = (more: object): CallFacts => factsOf({ model: "gpt-5", input: "x", ...more }, "/v1/responses");
const AZURE = "/openai/deployments/any-name/chat/completions?api-version=1";

test.each<[object, number | null]>([
  [{}, null],
  [{ max_tokens: 5 }, 5],
  [{ max_completion_tokens: 5 }, 5],
  [{ max_tokens: 1, max_completion_tokens: 700 }, 700],
  [{ max_tokens: 900, max_completion_tokens: 1 }, 900],
  [{ max_tokens: 1, max_output_tokens: 700 }, 700],
  [{ max_tokens: null }, null],
  // Not an alias of chat: a host that ignores it answers without a cap.
  [{ max_output_tokens: 1 }, null],
])("a small alias cannot hide a large one: %j caps the output at %s", (more, cap) => {
  expect(chat(more).outputTokensMax).toBe(cap);
});

test("Responses and completions know their own alias only", () => {
  expect(response({ max_output_tokens: 9 }).outputTokensMax).toBe(9);
  expect(response({ max_tokens: 9 }).outputTokensMax).toBeNull();
  expect(factsOf({ model: "m", prompt: "x", max_tokens: 9 }, "/v1/completions").outputTokensMax).toBe(9);
  expect(factsOf({ model: "m", prompt: "x", max_completion_tokens: 9 }, "/v1/completions").outputTokensMax).toBeNull();
});

test.each([
  [{ model: undefined }, "model"],
  [{ model: "" }, "model"],
  [{ model: 7 }, "model"],
  [{ stream: "true" }, "stream"],
  [{ n: "3" }, "n"],
  [{ n: 0 }, "n"],
  [{ n: 1.5 }, "n"],
  [{ max_tokens: -1 }, "max_tokens"],
  [{ max_tokens: 1e300 }, "max_tokens"],
  [{ max_completion_tokens: 1.5 }, "max_completion_tokens"],
  [{ max_completion_tokens: "5" }, "max_completion_tokens"],
  [{ max_output_tokens: [] }, "max_output_tokens"],
  [{ max_tool_calls: -1 }, "max_tool_calls"],
  [{ service_tier: 1 }, "service_tier"],
  [{ reasoning_effort: 1 }, "reasoning_effort"],
  [{ tools: {} }, "tools"],
  [{ modalities: "audio" }, "modalities"],
  [{ models: [1] }, "models.0"],
])("a field that decides cost and has the wrong type is named: %j", (more, field) => {
  expect(() => chat(more)).toThrow(expect.objectContaining({ name: "BadRequest", field }) as Error);
});

test("a body that is no object is refused by name", () => {
  for (const body of [null, [], "x", 1]) expect(() => factsOf(body)).toThrow(BadRequest);
  expect(() => factsOf({ model: "m", best_of: "2" }, "/v1/completions")).toThrow(/best_of/);
  expect(() => factsOf({ model: "tts-1" }, "/v1/audio/speech")).toThrow(/input/);
  expect(() => factsOf({ model: "whisper-1" }, "/v1/audio/transcriptions")).toThrow(/file/);
});

test("every output that is billed is counted: n, best_of, prompts", () => {
  expect(chat({ n: 3 }).choices).toBe(3);
  const legacy = (more: object): number => factsOf({ model: "m", prompt: "x", ...more }, "/v1/completions").choices;
  expect(legacy({ n: 2, best_of: 5 })).toBe(5);
  expect(legacy({ n: 4 })).toBe(4);
  expect(legacy({ prompt: ["a", "b", "c"], n: 2 })).toBe(6);
  expect(legacy({ prompt: [1, 2, 3] })).toBe(1);
  expect(legacy({ prompt: [[1], [2]] })).toBe(2);
  expect(factsOf({ model: "m", prompt: "x", best_of: 2 }, "/v1/completions")).toMatchObject({
    outputHidden: true,
    streamable: false,
  });
});

test.each<[string, object, boolean]>([
  ["gpt-4o-mini", {}, false],
  ["openai/gpt-4.1", {}, false],
  ["ft:gpt-4o-mini:acme::1", {}, false],
  ["llama-3.3-70b", {}, false],
  ["gpt-5", {}, true],
  ["gpt-5.1", { reasoning_effort: "none" }, false],
  ["gpt-5-chat-latest", {}, false],
  ["o3", {}, true],
  ["grok-4", {}, true],
  ["deepseek-r1-distill-llama", {}, true],
  ["whatever", {}, true],
  ["gpt-4o", { include_reasoning: false }, true],
])("%s with %j may hide output: %s", (model, more, hidden) => {
  expect(chat({ model, ...more }).outputHidden).toBe(hidden);
});

test("a deployment's name proves nothing about its model", () => {
  expect(factsOf({ messages: [] }, "/openai/deployments/gpt-4o-mini/chat/completions")).toMatchObject({
    model: "gpt-4o-mini",
    outputHidden: true,
    cacheWrite: "5m",
  });
});

test("rejected predicted tokens are hidden output, at most as many as bytes predicted", () => {
  const prediction = { type: "content", content: [{ type: "text", text: "Grüße" }] };
  expect(chat({ prediction, n: 2 })).toMatchObject({ outputHidden: true, outputHiddenMax: 14 });
  expect(chat({ model: "o3", prediction })).toMatchObject({ outputHidden: true, outputHiddenMax: null });
});

test.each([
  [{ previous_response_id: "resp_1" }],
  [{ conversation: "conv_1" }],
  [{ prompt: { id: "pmpt_1" } }],
  [{ input: [{ type: "item_reference", id: "msg_1" }] }],
  [{ input: [{ role: "user", content: [{ type: "input_file", file_id: "file_1" }] }] }],
  [{ input: [{ type: "function_call_output", output: [{ type: "input_file", file_url: "https://x" }] }] }],
  [{ tools: [{ type: "mcp", server_url: "https://x" }] }],
  [{ tools: [{ type: "web_search" }] }],
])("input that the gateway cannot see is said to be hidden: %j", (more) => {
  expect(response(more).inputHidden).toBe(true);
  expect(response({}).inputHidden).toBe(false);
});

test("chat: files, earlier audio, Azure's own data and searches hide input; a client's tools do not", () => {
  expect(
    chat({ messages: [{ role: "user", content: [{ type: "file", file: { file_data: "data:" } }] }] }).inputHidden,
  ).toBe(true);
  expect(chat({ messages: [{ role: "assistant", audio: { id: "audio_1" } }] }).inputHidden).toBe(true);
  expect(chat({ data_sources: [{}] }).inputHidden).toBe(true);
  expect(chat({ model: "gpt-4o-search-preview" }).inputHidden).toBe(true);
  expect(chat({ tools: [{ type: "function", function: { name: "f" } }] }).inputHidden).toBe(false);
});

test("tools of the provider are unbounded unless max_tool_calls bounds them", () => {
  const tools = [
    { type: "web_search_preview" },
    { type: "file_search" },
    { type: "code_interpreter" },
    { type: "image_generation" },
  ];
  const units = (n: number): object => ({
    web_search_call: n,
    file_search_call: n,
    code_interpreter_call: n,
    image: n,
  });
  expect(response({ tools }).unitsMax).toEqual(units(Infinity));
  expect(response({ tools, max_tool_calls: 3 }).unitsMax).toEqual(units(3));
  expect(chat({ web_search_options: {} }).unitsMax).toEqual({ web_search_call: 1 });
  expect(chat({ model: "x:online" }).unitsMax).toEqual({ web_search_call: Infinity });
  expect(chat({ search_parameters: { mode: "on", max_search_results: 5 } }).unitsMax).toEqual({ web_search_call: 5 });
});

test("models that the host may use instead are named", () => {
  expect(chat({ models: ["a/b", "c/d"] }).otherModels).toEqual(["a/b", "c/d"]);
  expect(response({ tools: [{ type: "image_generation", model: "gpt-image-1" }] }).otherModels).toEqual([
    "gpt-image-1",
  ]);
  expect(chat({}).otherModels).toBeUndefined();
});

function png(width: number, height: number): string {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0x89504e47, 0);
  bytes.write("IHDR", 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return `data:image/png;base64,${bytes.toString("base64")}`;
}

/** With a thumbnail of 8 × 8 inside of its metadata. */
function jpeg(width: number, height: number): string {
  const frame = (w: number, h: number): Buffer =>
    Buffer.from([0xff, 0xc0, 0, 11, 8, h >> 8, h & 255, w >> 8, w & 255, 1, 0, 0, 0]);
  const thumbnail = Buffer.concat([Buffer.from([0xff, 0xd8]), frame(8, 8)]);
  const app1 = Buffer.concat([Buffer.from([0xff, 0xe1, 0, thumbnail.length + 2]), thumbnail]);
  const bytes = Buffer.concat([Buffer.from([0xff, 0xd8]), app1, frame(width, height), Buffer.alloc(16)]);
  return `data:image/jpeg;base64,${bytes.toString("base64")}`;
}

test.each<[string, string, string | undefined, number]>([
  ["gpt-4o", png(1024, 1024), undefined, 2_520],
  ["gpt-6", png(4000, 3000), undefined, 28_905],
  ["gpt-6", jpeg(4000, 3000), undefined, 28_905],
  ["gpt-4o", png(10, 10), undefined, 1_500],
  ["gpt-4o", "https://x/y.png", undefined, IMAGE_TOKENS_UNKNOWN_MAX],
  ["gpt-4o", "https://x/y.png", "low", 1_500],
  ["gpt-4o-mini", png(10, 10), undefined, 48_169],
  ["gpt-4o-mini", "https://x/y.png", "low", 2_833],
  ["pixtral-12b", png(1024, 1024), undefined, 6_500],
  ["gpt-4o", "data:image/png;base64,AAAA", undefined, IMAGE_TOKENS_UNKNOWN_MAX],
])("an image for %s has a bound by its pixels, else the ceiling", (model, url, detail, tokens) => {
  const content = [{ type: "image_url", image_url: { url, detail } }];
  expect(chat({ model, messages: [{ role: "user", content }] }).inputImageTokensMax).toBe(tokens);
  const input = [{ role: "user", content: [{ type: "input_image", image_url: url, detail }] }];
  expect(factsOf({ model, input }, "/v1/responses").inputImageTokensMax).toBe(tokens);
});

test("a deployment may be the model with the dearest images", () => {
  const messages = [{ role: "user", content: [{ type: "image_url", image_url: { url: png(10, 10) } }] }];
  expect(factsOf({ messages }, AZURE).inputImageTokensMax).toBe(48_169);
});

test("base64 media is no text; what only looks like it is", () => {
  const url = png(10, 10) + "A".repeat(100_000);
  const part = { type: "image_url", image_url: { url } };
  const body = { model: "gpt-4o", messages: [{ role: "user", content: [part] }] };
  expect(factsOf(body).inputTokensMax).toBeLessThan(400);
  const fake = { model: "gpt-4o", messages: [{ role: "user", content: [{ type: "text", text: url }] }] };
  expect(factsOf(fake).inputTokensMax).toBeGreaterThan(100_000);
});

test("media is taken out of the text bound once, to the byte", () => {
  const base64 = "QUJD".repeat(999);
  const bound = (part: object): number => {
    const body = { model: "gpt-4o", messages: [{ role: "user", content: [part] }], input: [] };
    return factsOf(body).inputTokensMax - (Buffer.byteLength(JSON.stringify(body)) + 128);
  };
  expect(bound({ type: "input_audio", input_audio: { data: base64 } })).toBe(-base64.length);
  expect(bound({ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } })).toBe(-base64.length);
  expect(bound({ type: "image_generation_call", result: base64 })).toBe(-base64.length);
  expect(bound({ type: "text", text: base64 })).toBe(0);
});

test("audio input is bounded by the rate it states, or by the lowest rate there is", () => {
  const wav = Buffer.alloc(48_044);
  wav.write("RIFF");
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(24_000, 24);
  wav.writeUInt32LE(48_000, 28);
  wav.writeUInt16LE(2, 32);
  const facts = (data: string): CallFacts =>
    chat({ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data, format: "x" } }] }] });
  expect(facts(wav.toString("base64")).inputAudioTokensMax).toBe(2 * 10 + 32);
  expect(facts(Buffer.alloc(9_000).toString("base64")).inputAudioTokensMax).toBe(9 * 10 + 32);
  expect(facts(wav.toString("base64")).inputTokensMax).toBeLessThan(400);
  // A rate of one byte a second: a second of audio each.
  wav.writeUInt32LE(1, 28);
  expect(facts(wav.toString("base64")).inputAudioTokensMax).toBeGreaterThan(480_000);
});

test("audio that is put out cannot be assembled from a stream; a background run neither", () => {
  expect(chat({ modalities: ["text", "audio"], audio: { voice: "x", format: "mp3" } })).toMatchObject({
    outputAudio: true,
    streamable: false,
  });
  expect(response({ background: true }).streamable).toBe(false);
  expect(chat({}).streamable).toBe(true);
});

test("speech, transcripts, images, embeddings have bounds of their own", () => {
  expect(factsOf({ model: "tts-1", input: "Grüße" }, "/v1/audio/speech").unitsMax).toEqual({ character: 5 });
  const form = { model: "whisper-1", file: { bytes: 25_000_000 }, stream: "true" };
  expect(openai.parseRequest(routeOf("/v1/audio/transcriptions"), form, 25_000_900, {})).toMatchObject({
    stream: true,
    inputTokensMax: 1_028,
    inputAudioTokensMax: 500_010,
    unitsMax: { audio_second: 50_001 },
  });
  expect(factsOf({ model: "gpt-image-1", prompt: "x", n: 2 }, "/v1/images/generations")).toMatchObject({
    choices: 2,
    unitsMax: { image: 2 },
    outputTokensMax: 6_600,
  });
  expect(factsOf({ model: "gpt-image-2", prompt: "x" }, "/v1/images/generations").outputTokensMax).toBeNull();
  expect(factsOf({ model: "text-embedding-3-small", input: "x" }, "/v1/embeddings")).toMatchObject({
    outputTokensMax: 0,
    free: false,
  });
  expect(factsOf({ input: "x" }, "/v1/moderations").free).toBe(true);
  expect(openai.parseRequest(routeOf("/v1/models"), undefined, 0, {})).toMatchObject({ free: true, model: "" });
});

test("the client asked for usage, or its endpoint always sends it", () => {
  expect(chat({ stream: true }).usageAsked).toBe(false);
  expect(chat({ stream: true, stream_options: { include_usage: true } }).usageAsked).toBe(true);
  expect(response({ stream: true }).usageAsked).toBe(true);
});

test("GPT-5.6 and later write caches unasked", () => {
  expect(["gpt-5.5", "gpt-5.6", "gpt-6-mini", "gpt-4o"].map((model) => chat({ model }).cacheWrite)).toEqual([
    null,
    "5m",
    "5m",
    null,
  ]);
});

test("the text bound is at least the UTF-8 bytes of all text, whatever the body holds", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.constant('\u0000\n"\\é😀'));
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          role: value,
          content: fc.oneof(value, fc.array(fc.record({ type: fc.constant("text"), text: value }))),
        }),
      ),
      (messages) => {
        const body = { model: "gpt-4o", messages };
        let bytes = 0;
        for (const text of openai.inputTexts(routeOf("/v1/chat/completions"), body)) bytes += Buffer.byteLength(text);
        const strings = JSON.stringify(body);
        // Escapes only make the raw body longer.
        expect(
          openai.parseRequest(routeOf("/v1/chat/completions"), body, Buffer.byteLength(strings), {}).inputTokensMax,
        ).toBeGreaterThanOrEqual(bytes);
      },
    ),
  );
});

test("nesting 100,000 deep is neither a stack overflow nor lost", () => {
  const deep = JSON.parse(
    `{"model":"m","messages":[{"content":${"[".repeat(100_000)}"x"${"]".repeat(100_000)}}]}`,
  ) as object;
  expect(openai.parseRequest(routeOf("/v1/chat/completions"), deep, 200_000, {}).inputTokensMax).toBeGreaterThanOrEqual(
    200_000,
  );
  expect(openai.inputTexts(routeOf("/v1/chat/completions"), deep)).toContain("x");
});

test("texts for an exact count hold prompts, tools and schemas, and no media", () => {
  const body = {
    model: "m",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "hello" },
          { type: "image_url", image_url: { url: png(9, 9) } },
        ],
      },
    ],
    tools: [{ type: "function", function: { name: "f", parameters: { maximum: 7 } } }],
    metadata: { secret: "not input" },
  };
  const texts = openai.inputTexts(routeOf("/v1/chat/completions"), body);
  expect(texts).toEqual(expect.arrayContaining(["hello", "f", "7", '{"maximum":}']));
  expect(texts.join()).not.toMatch(/base64|not input/);
});
