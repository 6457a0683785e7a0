import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  all,
  dollarsOf,
  expectBilled,
  lastBilled,
  recordedCalls,
  sideBySide,
  steered,
  type SideBySide,
} from "./side-by-side.ts";

// Anthropic's own client, with nothing changed but the base URL.

let world: SideBySide;
let through: Anthropic;
let direct: Anthropic;

beforeAll(async () => {
  world = await sideBySide();
  through = new Anthropic({ baseURL: world.url, apiKey: "anything" });
  direct = new Anthropic({ baseURL: world.twin.url, apiKey: "sk-ant-direct" });
});
afterAll(() => world.stop());

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
const asked = { model: "claude-haiku-4-5", max_tokens: 600, messages };
const tools = [
  { name: "weather", input_schema: { type: "object" as const, properties: { city: { type: "string" } } } },
];

async function equalBothWays(more: Partial<Anthropic.MessageCreateParamsNonStreaming>): Promise<Anthropic.Message> {
  const ours = await through.messages.create({ ...asked, ...more }).withResponse();
  const theirs = await direct.messages.create({ ...asked, ...more }).withResponse();
  expect(ours.data).toEqual(theirs.data);
  await expectBilled(world, ours.response.headers);
  expect(ours.response.headers.get("x-tollhouse-cost")).toBe(dollarsOf(lastBilled(world.simulator).costNano));
  return ours.data;
}

test("a message is the provider's own, and the ledger has its cost to the nano-dollar", async () => {
  const answer = await equalBothWays({});
  expect(answer.content[0]?.type).toBe("text");
});

test("cache reads and both kinds of cache writes are billed as the provider bills them", async () => {
  const system = [
    { type: "text" as const, text: "A long book. ".repeat(400), cache_control: { type: "ephemeral" as const } },
  ];
  const answer = await equalBothWays({
    system,
    ...steered({ cached_tokens: 300, cache_write_tokens: 200, cache_write_1h_tokens: 100 }),
  });
  expect(answer.usage.cache_read_input_tokens).toBe(300);
});

test("a tool call arrives whole", async () => {
  const answer = await equalBothWays({ tools, ...steered({ tool: true }) });
  expect(answer.stop_reason).toBe("tool_use");
});

test("a stream is the provider's, event by event", async () => {
  for (const more of [{}, { tools, ...steered({ tool: true }) }]) {
    const ours = await through.messages.create({ ...asked, ...more, stream: true }).withResponse();
    const events = await all(ours.data);
    expect(events).toEqual(await all(await direct.messages.create({ ...asked, ...more, stream: true })));
    expect(events.at(-1)?.type).toBe("message_stop");
    await expectBilled(world, ours.response.headers);
  }
});

test("the client's own stream helper assembles the same message", async () => {
  const ours = await through.messages.stream(asked).finalMessage();
  expect(ours).toEqual(await direct.messages.stream(asked).finalMessage());
});

test("count_tokens answers as the provider does, and is no call", async () => {
  const before = (await recordedCalls(world)).length;
  const ours = await through.messages.countTokens({ model: asked.model, messages });
  expect(ours).toEqual(await direct.messages.countTokens({ model: asked.model, messages }));
  expect((await recordedCalls(world)).length).toBe(before);
});

test("the path with its own prefix is the same provider", async () => {
  const prefixed = new Anthropic({ baseURL: `${world.url}/anthropic`, apiKey: "anything" });
  expect(await prefixed.messages.create(asked)).toEqual(await direct.messages.create(asked));
});
