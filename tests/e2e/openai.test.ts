import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  all,
  dollarsOf,
  expectBilled,
  lastBilled,
  recordedCall,
  sideBySide,
  steered,
  type SideBySide,
} from "./side-by-side.ts";

// OpenAI's own client, with nothing changed but the base URL.

let world: SideBySide;
let through: OpenAI;
let direct: OpenAI;

beforeAll(async () => {
  world = await sideBySide();
  through = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "anything" });
  direct = new OpenAI({ baseURL: `${world.twin.url}/v1`, apiKey: "sk-direct" });
});
afterAll(() => world.stop());

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];

interface Answered<T> {
  withResponse(): Promise<{ data: T; response: Response }>;
}

/** The same call both ways: equal answers, our headers on ours, and a ledger that agrees with the provider's bill. */
async function equalBothWays<T>(ask: (client: OpenAI) => Answered<T>): Promise<T> {
  const ours = await ask(through).withResponse();
  const theirs = await ask(direct).withResponse();
  expect(ours.data).toEqual(theirs.data);
  expect(ours.response.headers.get("x-request-id")).toBe(theirs.response.headers.get("x-request-id"));
  await expectBilled(world, ours.response.headers);
  expect(ours.response.headers.get("x-tollhouse-cost")).toBe(dollarsOf(lastBilled(world.simulator).costNano));
  return ours.data;
}

/** The same stream both ways, chunk by chunk. */
async function equalStreams<T>(ask: (client: OpenAI) => Answered<AsyncIterable<T>>): Promise<T[]> {
  const ours = await ask(through).withResponse();
  const ourChunks = await all(ours.data);
  const theirChunks = await all(
    await ask(direct)
      .withResponse()
      .then(({ data }) => data),
  );
  expect(ourChunks).toEqual(theirChunks);
  expect(ourChunks.length).toBeGreaterThan(2);
  await expectBilled(world, ours.response.headers);
  return ourChunks;
}

test("a chat completion is the provider's own, and the ledger has its cost to the nano-dollar", async () => {
  const answer = await equalBothWays((client) =>
    client.chat.completions.create({
      model: "gpt-4o-mini",
      messages,
      n: 2,
      ...steered({ cached_tokens: 5, output_tokens: 40 }),
    }),
  );
  expect(answer.choices).toHaveLength(2);
});

test("reasoning tokens of a chat completion are billed as the provider bills them", async () => {
  const answer = await equalBothWays((client) =>
    client.chat.completions.create({
      model: "o4-mini",
      messages,
      max_completion_tokens: 500,
      ...steered({ reasoning_tokens: 120, output_tokens: 30 }),
    }),
  );
  expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBe(120);
});

test("a service tier is billed as it served, and half a nano-dollar is rounded up once", async () => {
  for (const tier of ["flex", "priority"] as const) {
    const answer = await equalBothWays((client) =>
      client.chat.completions.create({
        model: "gpt-5-mini",
        messages,
        service_tier: tier,
        ...steered({ cached_tokens: 3 }),
      }),
    );
    expect(answer.service_tier).toBe(tier);
  }
});

test("a tool call arrives whole, streamed or not", async () => {
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tools = [{ type: "function" as const, function: { name: "weather", parameters } }];
  const asked = { model: "gpt-4o", messages, tools, ...steered({ tool: true }) };
  const whole = await equalBothWays((client) => client.chat.completions.create({ ...asked, stream: false }));
  expect(whole.choices[0]?.finish_reason).toBe("tool_calls");
  const chunks = await equalStreams((client) => client.chat.completions.create({ ...asked, stream: true }));
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
});

test("a client that did not ask for usage sees no usage chunk and no usage key", async () => {
  const chunks = await equalStreams((client) =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true }),
  );
  expect(chunks.filter((chunk) => "usage" in chunk || chunk.choices.length === 0)).toEqual([]);
});

test("a client that asked for usage gets it, on the chunk it knows", async () => {
  const chunks = await equalStreams((client) =>
    client.chat.completions.create({
      model: "gpt-4o-mini",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
});

test("the client's own stream helper assembles the same message", async () => {
  const [ours, theirs] = [
    await through.chat.completions.stream({ model: "gpt-4o-mini", messages }).finalChatCompletion(),
    await direct.chat.completions.stream({ model: "gpt-4o-mini", messages }).finalChatCompletion(),
  ];
  expect(ours).toEqual(theirs);
});

test("Responses: whole, streamed, and with a tool", async () => {
  const asked = { model: "gpt-5-mini", input: "Tell me about the river.", max_output_tokens: 400 };
  const tools = [{ type: "function" as const, name: "weather", parameters: { type: "object" }, strict: false }];
  const whole = await equalBothWays((client) =>
    client.responses.create({ ...asked, ...steered({ reasoning_tokens: 30 }) }),
  );
  expect(whole.output_text.length).toBeGreaterThan(0);
  await equalBothWays((client) => client.responses.create({ ...asked, tools, ...steered({ tool: true }) }));
  const events = await equalStreams((client) => client.responses.create({ ...asked, stream: true }));
  expect(events.at(-1)?.type).toBe("response.completed");
});

test("legacy completions: whole and streamed", async () => {
  const asked = { model: "gpt-3.5-turbo-instruct", prompt: "A river", n: 2, max_tokens: 60 };
  const whole = await equalBothWays((client) => client.completions.create(asked));
  expect(whole.choices).toHaveLength(2);
  await equalStreams((client) => client.completions.create({ ...asked, stream: true }));
});

test("embeddings, as the client's base64 default and as floats", async () => {
  const asked = { model: "text-embedding-3-small", input: ["one river", "two houses"] };
  const encoded = await equalBothWays((client) => client.embeddings.create(asked));
  const floats = await equalBothWays((client) => client.embeddings.create({ ...asked, encoding_format: "float" }));
  expect(encoded.data).toHaveLength(2);
  expect(floats.data[0]?.embedding.length).toBeGreaterThan(8);
});

test("images", async () => {
  const answer = await equalBothWays((client) =>
    client.images.generate({ model: "gpt-image-1", prompt: "A river", size: "1024x1024", quality: "low" }),
  );
  expect("data" in answer && answer.data?.length).toBe(1);
});

test("moderations cost nothing, and are recorded with what was counted", async () => {
  const asked = { model: "omni-moderation-latest", input: "A river" };
  const ours = await through.moderations.create(asked).withResponse();
  expect(ours.data).toEqual(await direct.moderations.create(asked));
  const entry = await recordedCall(world, ours.response.headers.get("x-tollhouse-decision") ?? "");
  expect([entry.outcome, entry.cost, entry.usage_source]).toEqual(["settled", "0.000000000", "counted"]);
});

test("speech: the bytes of the audio are the provider's", async () => {
  const asked = { model: "tts-1", voice: "alloy", input: "A river behind the house." };
  const ours = await through.audio.speech.create(asked);
  const theirs = await direct.audio.speech.create(asked);
  expect(Buffer.from(await ours.arrayBuffer()).equals(Buffer.from(await theirs.arrayBuffer()))).toBe(true);
  const entry = await recordedCall(world, ours.headers.get("x-tollhouse-decision") ?? "");
  expect(entry.cost).toBe(dollarsOf(lastBilled(world.simulator).costNano));
});

test("transcriptions, by tokens and by seconds", async () => {
  const file = await toFile(Buffer.alloc(48_000, 7), "river.wav", { type: "audio/wav" });
  await equalBothWays((client) => client.audio.transcriptions.create({ file, model: "gpt-4o-mini-transcribe" }));
  await equalBothWays((client) =>
    client.audio.transcriptions.create({ file, model: "whisper-1", response_format: "verbose_json" }),
  );
});

test("models are the provider's list, and are no calls", async () => {
  const ours = await all(await through.models.list());
  expect(ours).toEqual(await all(await direct.models.list()));
  expect(await through.models.retrieve("gpt-4o-mini")).toEqual(await direct.models.retrieve("gpt-4o-mini"));
});

test("the provider is called with the installed key, never with the client's", async () => {
  await through.chat.completions.create({ model: "gpt-4o-mini", messages, ...steered({ call_id: "whose-key" }) });
  expect(world.simulator.credentialOf("whose-key")).toBe("sk-simulated-openai");
});
