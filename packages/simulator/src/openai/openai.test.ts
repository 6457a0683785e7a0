import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import OpenAI, { APIError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../simulator.ts";

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ seed: 7 });
  client = new OpenAI({ apiKey: "sk-test", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
afterAll(() => simulator.close());

const MESSAGES = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
const TOOLS = [
  { type: "function" as const, function: { name: "find_river", parameters: { type: "object", properties: {} } } },
];

/** Our field, which the official types do not know. */
function steered<T extends object>(params: T, simulatorField: Readonly<Record<string, unknown>>): T {
  return { ...params, simulator: simulatorField };
}

test("a chat answer has exactly the tokens it reports and bills", async () => {
  const answer = await client.chat.completions.create(
    steered({ model: "gpt-4o-mini", messages: MESSAGES }, { output_tokens: 64, tag: "t1" }),
  );
  expect(answer.usage?.completion_tokens).toBe(64);
  expect(countTokens(answer.choices[0]?.message.content ?? "")).toBe(64);
  expect(answer.model).toBe("gpt-4o-mini-2024-07-18");
  // 41 bytes → 11 tokens, and 3 of framing: 14 × 150,000 + 64 × 600,000 pico-dollars.
  expect(answer.usage?.prompt_tokens).toBe(14);
  const line = simulator.billOf(answer.id);
  expect(line).toMatchObject({
    classes: { input: 14, output: 64 },
    costNano: 40_500n,
    finished: "complete",
    tag: "t1",
  });
});

test("a stream says its usage only to a client that asked, in a last chunk without choices", async () => {
  const params = steered({ model: "gpt-4o-mini", messages: MESSAGES, stream: true as const }, { output_tokens: 30 });
  let text = "";
  for await (const chunk of await client.chat.completions.create(params)) {
    expect(chunk).not.toHaveProperty("usage");
    text += chunk.choices[0]?.delta.content ?? "";
  }
  expect(countTokens(text)).toBe(30);
  const asked = await client.chat.completions.create({ ...params, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of asked) chunks.push(chunk);
  const last = chunks.at(-1);
  expect(last?.choices).toEqual([]);
  expect(last?.usage).toMatchObject({ prompt_tokens: 14, completion_tokens: 30, total_tokens: 44 });
  expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  expect(chunks.slice(1, -2).every((chunk) => countTokens(chunk.choices[0]?.delta.content ?? "") === 1)).toBe(true);
});

test("a tool call comes in pieces, and its arguments have the tokens that are billed", async () => {
  const params = steered({ model: "gpt-4o", messages: MESSAGES, tools: TOOLS }, { tool: true, output_tokens: 20 });
  const runner = client.chat.completions.stream({ ...params, stream: true });
  const final = await runner.finalChatCompletion();
  const call = final.choices[0]?.message.tool_calls?.[0];
  expect(call?.type === "function" ? call.function.name : null).toBe("find_river");
  const text = call?.type === "function" ? call.function.arguments : "";
  expect(Object.keys(JSON.parse(text) as object)).toEqual(["query"]);
  expect(countTokens(text)).toBe(20);
  expect(final.choices[0]?.finish_reason).toBe("tool_calls");
  const whole = await client.chat.completions.create(params);
  expect(whole.choices[0]?.message.tool_calls?.[0]).toMatchObject({
    type: "function",
    function: { name: "find_river" },
  });
});

test("cached, reasoning and audio tokens are inside the totals on the wire and disjoint on the bill", async () => {
  const answer = await client.chat.completions.create(
    steered(
      { model: "gpt-audio", messages: [{ role: "user" as const, content: "x".repeat(400) }] },
      { output_tokens: 10, reasoning_tokens: 5, cached_tokens: 40, audio_tokens: 25, output_audio_tokens: 7 },
    ),
  );
  expect(answer.usage).toMatchObject({ prompt_tokens: 128, completion_tokens: 22, total_tokens: 150 });
  expect(answer.usage?.prompt_tokens_details).toMatchObject({ cached_tokens: 40, audio_tokens: 25 });
  expect(answer.usage?.completion_tokens_details).toMatchObject({ reasoning_tokens: 5, audio_tokens: 7 });
  // 63 × 2.5 + 40 × 2.5 (no cache price) + 25 × 32 + 15 × 10 + 7 × 64 micro-dollars.
  expect(simulator.billOf(answer.id)).toMatchObject({
    classes: { input: 63, input_cache_read: 40, input_audio: 25, output: 10, output_reasoning: 5, output_audio: 7 },
    costNano: 1_655_500n,
  });
});

test("n outputs are billed n times, and the cap ends each of them, reasoning included", async () => {
  const answer = await client.chat.completions.create(
    steered(
      { model: "o4-mini", messages: MESSAGES, n: 3, max_completion_tokens: 12 },
      { output_tokens: 50, reasoning_tokens: 4 },
    ),
  );
  expect(answer.choices.map((choice) => choice.finish_reason)).toEqual(["length", "length", "length"]);
  expect(answer.usage?.completion_tokens).toBe(36);
  expect(simulator.billOf(answer.id)?.classes).toEqual({ input: 14, output: 24, output_reasoning: 12 });
  await expect(
    client.chat.completions.create({ model: "o4-mini", messages: MESSAGES, max_tokens: 12 }),
  ).rejects.toMatchObject({ status: 400, code: "unsupported_parameter", param: "max_tokens" });
});

test("a legacy completion bills best_of outputs and returns n of them", async () => {
  const answer = await client.completions.create(
    steered(
      { model: "gpt-3.5-turbo-instruct", prompt: "Say it", n: 1, best_of: 3, max_tokens: 8 },
      { output_tokens: 9 },
    ),
  );
  expect(answer.choices).toHaveLength(1);
  expect(answer.usage?.completion_tokens).toBe(24);
  const stream = await client.completions.create({
    model: "gpt-3.5-turbo-instruct",
    prompt: "Say it",
    stream: true,
    stream_options: { include_usage: true },
  });
  let usage = null;
  for await (const chunk of stream) usage = chunk.usage ?? usage;
  expect(usage?.completion_tokens).toBe(16);
});

test("embeddings decode in the official client, and bill their input alone", async () => {
  const answer = await client.embeddings.create({ model: "text-embedding-3-small", input: ["river", "house"] });
  expect(answer.data.map((one) => one.embedding.length)).toEqual([1536, 1536]);
  const floats = await client.embeddings.create({
    model: "text-embedding-3-small",
    input: "river",
    encoding_format: "float",
  });
  expect(floats.data[0]?.embedding[5]).toBeCloseTo(answer.data[0]?.embedding[5] ?? Number.NaN, 5);
  expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  // 4 tokens × 20,000 pico-dollars.
  expect(simulator.bill().find((line) => line.endpoint === "embeddings")?.costNano).toBe(80n);
});

test("a response tells its items, searches and usage, whole and streamed alike", async () => {
  const params = steered(
    { model: "gpt-5-mini", input: "Tell me about the river." },
    { output_tokens: 40, reasoning_tokens: 16, web_searches: 2 },
  );
  const whole = await client.responses.create(params);
  expect(whole.output.map((item) => item.type)).toEqual(["reasoning", "web_search_call", "web_search_call", "message"]);
  expect(countTokens(whole.output_text)).toBe(40);
  expect(whole.usage).toMatchObject({
    input_tokens: 9,
    output_tokens: 56,
    output_tokens_details: { reasoning_tokens: 16 },
  });
  expect(whole.tool_usage?.web_search.num_requests).toBe(2);
  // 9 × 0.25 + 56 × 2 micro-dollars, and 2 searches at a cent.
  expect(simulator.billOf(whole.id)?.costNano).toBe(20_114_250n);
  const streamed = await client.responses.stream({ ...params, stream: true }).finalResponse();
  expect(streamed.output.map((item) => item.type)).toEqual(whole.output.map((item) => item.type));
  expect(streamed.usage).toEqual(whole.usage);
  expect(countTokens(streamed.output_text)).toBe(40);
});

test("a capped response is incomplete, and a function call streams its arguments", async () => {
  const capped = await client.responses.create({ model: "gpt-4o", input: "Hi", max_output_tokens: 5 });
  expect(capped).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  const tools = [{ type: "function" as const, name: "look", parameters: {}, strict: false }];
  const params = steered({ model: "gpt-4o", input: "Hi", tools }, { tool: true, output_tokens: 12 });
  const called = await client.responses.stream(params).finalResponse();
  const item = called.output.at(-1);
  expect(item?.type === "function_call" ? [item.name, countTokens(item.arguments)] : null).toEqual(["look", 12]);
});

test("pictures, speech and transcripts are billed by tokens, characters and seconds", async () => {
  const picture = await client.images.generate({ model: "gpt-image-1", prompt: "A river", quality: "low", n: 2 });
  expect(picture.usage).toMatchObject({ input_tokens: 2, output_tokens: 544 });
  await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello river" });
  const file = new File([new Uint8Array(40_000)], "talk.mp3");
  const timed = await client.audio.transcriptions.create({ model: "whisper-1", file });
  expect(timed.usage).toEqual({ type: "duration", seconds: 3 });
  const counted = await client.audio.transcriptions.create({ model: "gpt-4o-mini-transcribe", file });
  expect(counted.usage).toMatchObject({ type: "tokens", input_tokens: 30 });
  const costs = simulator.bill().slice(-4);
  // 2 × 5 + 544 × 40; 11 × 15; 3 × 100 micro-dollars.
  expect(costs.slice(0, 3).map((line) => line.costNano)).toEqual([21_770_000n, 165_000n, 300_000n]);
  expect(costs[3]?.classes).toMatchObject({ input_audio: 30 });
  const moderated = await client.moderations.create({ input: "Hello", model: "omni-moderation-latest" });
  expect(simulator.billOf(moderated.id)?.costNano).toBe(0n);
});

test("every error status raises the client's own class, and bills nothing", async () => {
  const before = simulator.billedNano();
  const classes = [
    [400, BadRequestError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
    [503, InternalServerError],
    [529, InternalServerError],
  ] as const;
  for (const [status, raised] of classes) {
    const call = client.chat.completions.create(
      steered({ model: "gpt-4o", messages: MESSAGES }, { fault: { kind: "error_status", status } }),
    );
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(raised);
    expect(error instanceof APIError ? error.requestID : null).toMatch(/^req_/);
  }
  await expect(client.chat.completions.create({ model: "gpt-none", messages: MESSAGES })).rejects.toMatchObject({
    status: 404,
    code: "model_not_found",
  });
  expect(simulator.billedNano()).toBe(before);
});

test("a steering field that does not exist is refused by its name", async () => {
  await expect(
    client.chat.completions.create(steered({ model: "gpt-4o", messages: MESSAGES }, { output_token: 5 })),
  ).rejects.toMatchObject({ status: 400, param: "simulator.output_token" });
});

test("an Azure deployment is served by the model inside its name, with filter results and its own key header", async () => {
  const url = `${simulator.url}/openai/deployments/our-gpt-4o-mini-eu/chat/completions?api-version=2025-01-01`;
  const body = JSON.stringify({ messages: MESSAGES, stream: true, simulator: { output_tokens: 3 } });
  const answer = await fetch(url, { method: "POST", headers: { "api-key": "azure-key" }, body });
  const events = (await answer.text()).split("\n\n");
  expect(JSON.parse((events[0] ?? "").slice(6))).toMatchObject({
    choices: [],
    prompt_filter_results: [{ prompt_index: 0 }],
  });
  expect(simulator.bill().at(-1)?.model).toBe("gpt-4o-mini");
  expect((await fetch(url, { method: "POST", body })).status).toBe(401);
});

test("model lists name every model of the provider", async () => {
  const names = (await client.models.list()).data.map((model) => model.id);
  expect(names).toContain("gpt-4o-mini");
  expect(names).not.toContain("claude-haiku-4-5");
  expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
});
