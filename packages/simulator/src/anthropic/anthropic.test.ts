import Anthropic, {
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  OverloadedError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../simulator.ts";

let simulator: Simulator;
let client: Anthropic;

beforeAll(async () => {
  simulator = await startSimulator({ seed: 8 });
  client = new Anthropic({ apiKey: "sk-ant-test", baseURL: simulator.url, maxRetries: 0 });
});
afterAll(() => simulator.close());

const BASE = {
  model: "claude-haiku-4-5",
  max_tokens: 500,
  messages: [{ role: "user" as const, content: "Tell me about the river behind the house." }],
};

function steered<T extends object>(params: T, simulatorField: Readonly<Record<string, unknown>>): T {
  return { ...params, simulator: simulatorField };
}

test("caches are beside the input, thinking inside the output, and the bill is their sum", async () => {
  const long = [{ role: "user" as const, content: "x".repeat(4000) }];
  const message = await client.messages.create(
    steered(
      { ...BASE, messages: long, thinking: { type: "enabled" as const, budget_tokens: 1024 }, max_tokens: 2000 },
      {
        output_tokens: 50,
        reasoning_tokens: 40,
        cached_tokens: 600,
        cache_write_tokens: 200,
        cache_write_1h_tokens: 100,
      },
    ),
  );
  expect(message.usage).toMatchObject({
    input_tokens: 103,
    cache_read_input_tokens: 600,
    cache_creation_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 100 },
    output_tokens: 90,
    output_tokens_details: { thinking_tokens: 40 },
  });
  expect(message.content.map((block) => block.type)).toEqual(["thinking", "text"]);
  // 103 × 1 + 600 × 0.1 + 200 × 1.25 + 100 × 2 + 90 × 5 micro-dollars.
  expect(simulator.billOf(message.id)?.costNano).toBe(1_063_000n);
});

test("a stream starts with the input side and ends with the whole, and both forms agree", async () => {
  const params = steered(BASE, { output_tokens: 33 });
  const usages: unknown[] = [];
  const stream = client.messages.stream(params);
  stream.on("streamEvent", (event) => {
    if (event.type === "message_start") usages.push(event.message.usage.output_tokens);
    if (event.type === "message_delta") usages.push(event.usage.output_tokens);
  });
  const final = await stream.finalMessage();
  expect(usages).toEqual([1, 33]);
  const block = final.content[0];
  expect(block?.type === "text" ? countTokens(block.text) : null).toBe(33);
  expect(final.stop_reason).toBe("end_turn");
  const whole = await client.messages.create(params);
  expect(whole.usage.input_tokens).toBe(final.usage.input_tokens);
});

test("a tool call streams its input, and a search restates the input of the turn", async () => {
  const tools = [{ name: "find_river", input_schema: { type: "object" as const } }];
  const called = await client.messages
    .stream(steered({ ...BASE, tools }, { tool: true, output_tokens: 15 }))
    .finalMessage();
  expect(called.content.at(-1)).toMatchObject({ type: "tool_use", name: "find_river" });
  expect(called.stop_reason).toBe("tool_use");
  const plain = await client.messages.create(steered(BASE, { output_tokens: 5 }));
  const searched = await client.messages.stream(steered(BASE, { output_tokens: 5, web_searches: 2 })).finalMessage();
  expect(searched.usage.server_tool_use?.web_search_requests).toBe(2);
  expect(searched.usage.input_tokens).toBe(plain.usage.input_tokens + 1000);
  const line = simulator.billOf(searched.id);
  // 1,014 × 1 + 5 × 5 micro-dollars, and 2 searches at a cent.
  expect(line).toMatchObject({ classes: { input: 1014, output: 5, web_search_call: 2 }, costNano: 21_039_000n });
});

test("counting is free and equals what the call bills", async () => {
  const { input_tokens } = await client.messages.countTokens({ model: BASE.model, messages: BASE.messages });
  const message = await client.messages.create(BASE);
  expect(input_tokens).toBe(message.usage.input_tokens);
  expect(simulator.bill().find((line) => line.endpoint === "count_tokens")).toMatchObject({
    costNano: 0n,
    classes: {},
  });
});

test("every error status raises the client's own class, with the request id in the body", async () => {
  const classes = [
    [400, BadRequestError],
    [401, AuthenticationError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
    [529, OverloadedError],
  ] as const;
  for (const [status, raised] of classes) {
    const call = client.messages.create(steered(BASE, { fault: { kind: "error_status", status } }));
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(raised);
  }
  const missing = await fetch(`${simulator.url}/v1/messages`, { method: "POST", body: "{}" });
  expect(missing.status).toBe(401);
  expect(await missing.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
});

test("a request without max_tokens, or with OpenAI's stream options, is refused", async () => {
  const headers = { "x-api-key": "k", "anthropic-version": "2023-06-01" };
  const send = async (body: unknown): Promise<string> => {
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return (await fetch(`${simulator.url}/anthropic/v1/messages`, init)).text();
  };
  const { model, messages } = BASE;
  expect(await send({ model, messages })).toContain("max_tokens: Field required");
  expect(await send({ ...BASE, stream_options: {} })).toContain("stream_options: Extra inputs are not permitted");
});
