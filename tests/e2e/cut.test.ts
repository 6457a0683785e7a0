import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastBilled, recordedCalls, sideBySide, steered, until, type SideBySide } from "./side-by-side.ts";

// Long answers against small budgets: stopped at the amount, told in the client's own dialect, never a nano-dollar above.

let world: SideBySide;
beforeAll(async () => {
  world = await sideBySide();
  // Where a count takes longer than three seconds the bytes decide, and every stop below comes early: its first one loads the tokenizer.
  expect(await world.tollhouse.gateway.tokens.count(["warm"], 60_000)).toBe(1);
});
afterAll(() => world.stop());

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
const AT_LEAST_A_SLICE = 1_250;
/** Nano-dollars an output token; the budget pays for `tokens` of them and for a short prompt. */
const PRICES = { "gpt-4o-mini": 600, "gpt-4o": 10_000, "claude-haiku-4-5": 5_000, "gemini-2.5-flash": 2_500 };
type Model = keyof typeof PRICES;

interface LimitNow {
  readonly id: string;
  readonly amount: string;
  readonly state: { readonly settled: string; readonly reserved: string };
}

/** Each name is a session and a feature of its own: what other tests teach about a model stays out. */
async function budgetFor(
  name: string,
  model: Model,
  tokens: number,
): Promise<{ id: string; headers: Record<string, string> }> {
  const amount = ((tokens * PRICES[model]) / 1e9).toFixed(9);
  const limit = { scope: `session:${name}`, measure: "usd", amount, window: "lifetime", mode: "hard" };
  const { id } = await world.control<LimitNow>("POST", "/api/v1/limits", limit);
  return { id, headers: { "x-tollhouse-session": name, "x-tollhouse-feature": name } };
}

/** Slow enough that a pause of this one process (server, provider and client share it) stays inside the lead of two seconds. */
const long = (name: string, pace = 200): ReturnType<typeof steered> =>
  steered({ output_tokens: 4_000, tokens_per_second: pace, call_id: name });

/** What was settled, what the provider bills, and what the ledger says: none above the limit, and the money nearly used. */
async function expectStoppedAtTheAmount(name: string, limitId: string): Promise<void> {
  await until("the provider sees the abort", () => world.simulator.bill().some((line) => line.callId === name));
  const billed = world.simulator.bill().find((line) => line.callId === name);
  expect(billed?.finished).toBe("aborted");
  const [entry] = await recordedCalls(world, `session=${name}`);
  expect([entry?.outcome, entry?.reason_code, entry?.usage_source]).toEqual(["settled", "BUDGET_EXCEEDED", "counted"]);
  const limit = await world.control<LimitNow>("GET", `/api/v1/limits/${limitId}`);
  const [amount, settled] = [nano(limit.amount), nano(limit.state.settled)];
  expect(settled <= amount).toBe(true);
  expect((billed?.costNano ?? amount + 1n) <= amount).toBe(true);
  expect(limit.state.reserved).toBe("0.000000000");
  expect(entry?.cost).toBe(limit.state.settled);
  // A stop far from the edge would be a refusal of work that could be paid.
  expect(settled > amount / 2n).toBe(true);
}

function nano(text: string): bigint {
  return BigInt(text.replace(".", ""));
}

/** What arrived before the error, and the error. */
async function cutOf<T>(stream: Promise<AsyncIterable<T>>): Promise<{ seen: T[]; error: unknown }> {
  const seen: T[] = [];
  try {
    for await (const item of await stream) seen.push(item);
  } catch (error) {
    return { seen, error };
  }
  return { seen, error: null };
}

test.concurrent("OpenAI's client raises in the middle of a chat stream, with the reason", async () => {
  const { id, headers } = await budgetFor("cut-chat", "gpt-4o-mini", AT_LEAST_A_SLICE);
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: headers });
  const asked = { model: "gpt-4o-mini", messages, stream: true as const, ...long("cut-chat") };
  const { seen, error } = await cutOf(client.chat.completions.create(asked));
  expect(seen.length).toBeGreaterThan(500);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", type: "insufficient_quota" });
  await expectStoppedAtTheAmount("cut-chat", id);
});

test.concurrent("OpenAI's client raises in the middle of a Responses stream, with the reason", async () => {
  const { id, headers } = await budgetFor("cut-responses", "gpt-4o", AT_LEAST_A_SLICE);
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: headers });
  const asked = { model: "gpt-4o", input: "Hi", stream: true as const, ...long("cut-responses") };
  const { seen, error } = await cutOf(client.responses.create(asked));
  expect(seen.length).toBeGreaterThan(500);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ code: "BUDGET_EXCEEDED" });
  await expectStoppedAtTheAmount("cut-responses", id);
});

test.concurrent("Anthropic's client raises in the middle of a stream, with the reason", async () => {
  const { id, headers } = await budgetFor("cut-messages", "claude-haiku-4-5", AT_LEAST_A_SLICE);
  const client = new Anthropic({ baseURL: world.url, apiKey: "x", defaultHeaders: headers });
  const asked = {
    model: "claude-haiku-4-5",
    max_tokens: 5_000,
    messages,
    stream: true as const,
    ...long("cut-messages"),
  };
  const { seen, error } = await cutOf(client.messages.create(asked));
  expect(seen.length).toBeGreaterThan(500);
  expect(error).toBeInstanceOf(Anthropic.APIError);
  expect((error as Error).message).toContain("Budget exceeded");
  await expectStoppedAtTheAmount("cut-messages", id);
});

test.concurrent("Google's client raises in the middle of a stream, with the reason", async () => {
  const { id, headers } = await budgetFor("cut-gemini", "gemini-2.5-flash", AT_LEAST_A_SLICE);
  const client = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: world.url, headers } });
  const config = { thinkingConfig: { thinkingBudget: 0 }, httpOptions: { extraBody: { ...long("cut-gemini") } } };
  const stream = client.models.generateContentStream({ model: "gemini-2.5-flash", contents: "Hi", config });
  const { seen, error } = await cutOf(stream);
  expect(seen.length).toBeGreaterThan(100);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toContain("Budget exceeded");
  await expectStoppedAtTheAmount("cut-gemini", id);
});

test.concurrent("a client that wants one answer gets what could be paid, ended as by length, with the reason", async () => {
  const { id, headers } = await budgetFor("cut-whole", "gpt-4o-mini", AT_LEAST_A_SLICE);
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: headers });
  const asked = { model: "gpt-4o-mini", messages, ...long("cut-whole") };
  const { data, response } = await client.chat.completions.create(asked).withResponse();
  expect(data.choices[0]?.finish_reason).toBe("length");
  expect(data.choices[0]?.message.content?.length).toBeGreaterThan(1_000);
  expect(response.headers.get("x-tollhouse-reason")).toBe("BUDGET_EXCEEDED");
  await expectStoppedAtTheAmount("cut-whole", id);
});

test.concurrent("where less than a slice can be paid, the provider stops by itself at what can, and the header says so", async () => {
  for (const stream of [false, true]) {
    const name = `capped-${stream}`;
    const { id, headers } = await budgetFor(name, "gpt-4o-mini", 500);
    const answer = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages, stream, ...long(name, 20_000) }),
    });
    const cap = Number(answer.headers.get("x-tollhouse-output-limit"));
    expect(cap).toBeGreaterThan(300);
    expect(await answer.text()).toMatch(/"finish_reason":\s*"length"/);
    const billed = world.simulator.bill().find((line) => line.callId === name);
    expect([billed?.finished, billed?.classes["output"]]).toEqual(["complete", cap]);
    const limit = await world.control<LimitNow>("GET", `/api/v1/limits/${id}`);
    expect(nano(limit.state.settled)).toBe(billed?.costNano);
    expect(nano(limit.state.settled) <= nano(limit.amount)).toBe(true);
  }
});

const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
const haiku = { model: "claude-haiku-4-5", max_tokens: 6_000, messages };
const geminiPath = "/v1beta/models/gemini-2.5-flash:generateContent";
const contents = [{ role: "user", parts: [{ text: "Tell me about the river." }] }];
const version = { "anthropic-version": "2023-06-01", "x-api-key": "x" };

const WHOLE: readonly [string, string, Record<string, string>, Record<string, unknown>][] = [
  ["chat", "/v1/chat/completions", {}, { model: "gpt-4o-mini", messages, ...steered({ cached_tokens: 4 }) }],
  ["chat with two choices", "/v1/chat/completions", {}, { model: "gpt-4o-mini", messages, n: 2 }],
  [
    "chat with a tool call",
    "/v1/chat/completions",
    {},
    { model: "gpt-4o-mini", messages, tools, ...steered({ tool: true }) },
  ],
  [
    "chat ended by its cap",
    "/v1/chat/completions",
    {},
    { model: "gpt-4o-mini", messages, max_tokens: 5_000, ...steered({ output_tokens: 6_000 }) },
  ],
  ["responses", "/v1/responses", {}, { model: "gpt-4o-mini", input: "Hi" }],
  ["completions", "/v1/completions", {}, { model: "gpt-3.5-turbo-instruct", prompt: "Hi", max_tokens: 3_000 }],
  ["messages", "/v1/messages", version, haiku],
  [
    "messages with a tool call",
    "/v1/messages",
    version,
    { ...haiku, tools: [{ name: "weather", input_schema: { type: "object" } }], ...steered({ tool: true }) },
  ],
  ["generateContent", geminiPath, { "x-goog-api-key": "x" }, { contents, ...steered({ reasoning_tokens: 40 }) }],
];

test.each(WHOLE)("%s: a large answer that is assembled equals the provider's own, field for field", async (...row) => {
  const [name, path, headers, body] = row;
  const session = `assembled-${name}`;
  // Above the answer and its first slice, below ten times what it could cost. Gemini's thoughts are held at their ceiling.
  const amount = name === "generateContent" ? "0.08" : "0.02";
  const limit = { scope: `session:${session}`, measure: "usd", amount, window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const bothWays = async (base: string, more: Record<string, string>): Promise<unknown> => {
    const all = { authorization: "Bearer x", "content-type": "application/json", ...headers, ...more };
    const answer = await fetch(base + path, { method: "POST", headers: all, body: JSON.stringify(body) });
    expect([answer.status, answer.headers.get("x-tollhouse-reason")]).toEqual([200, null]);
    expect(answer.headers.get("content-type")).toContain("application/json");
    return answer.json();
  };
  // The concurrent tests above asked one simulator and not the other.
  while (world.twin.calls() < world.simulator.calls()) await skipOne();
  expect(await bothWays(world.url, { "x-tollhouse-session": session, "x-tollhouse-feature": session })).toEqual(
    await bothWays(world.twin.url, {}),
  );
  expect(lastBilled(world.simulator).streamed, "the provider was asked for a stream").toBe(true);
});

async function skipOne(): Promise<void> {
  const body = JSON.stringify({ model: "text-embedding-3-small", input: "x" });
  const headers = { authorization: "Bearer x", "content-type": "application/json" };
  await (await fetch(`${world.twin.url}/v1/embeddings`, { method: "POST", headers, body })).text();
}
