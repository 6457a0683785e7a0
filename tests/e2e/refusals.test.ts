import Anthropic, { RateLimitError as AnthropicRateLimitError } from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { PermissionDeniedError, RateLimitError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordedCalls, sideBySide, steered, type SideBySide } from "./side-by-side.ts";

// What a client meets that may not spend: its own typed error, once, with the reason. Retries are left at their default.

let world: SideBySide;
beforeAll(async () => {
  world = await sideBySide();
});
afterAll(() => world.stop());

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
const chat = { model: "gpt-4o-mini", messages };

async function budget(session: string, amount: string, mode = "hard"): Promise<string> {
  const limit = { scope: `session:${session}`, measure: "usd", amount, window: "lifetime", mode };
  return (await world.control<{ id: string }>("POST", "/api/v1/limits", limit)).id;
}

const named = (session: string): Record<string, string> => ({ "x-tollhouse-session": session });

function openai(session: string): OpenAI {
  return new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "anything", defaultHeaders: named(session) });
}

async function raised(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

/** One request came in, it was blocked for that reason, and the provider saw nothing of it. */
async function expectOneRefusal(session: string, reason: string, providerCalls: number): Promise<void> {
  const calls = await recordedCalls(world, `session=${session}`);
  expect(calls.map((call) => [call.outcome, call.reason_code])).toEqual([["blocked", reason]]);
  expect(world.simulator.calls()).toBe(providerCalls);
}

test("OpenAI's client raises RateLimitError after one request, streamed or not, on every endpoint", async () => {
  const asks: [string, (client: OpenAI) => Promise<unknown>][] = [
    ["chat", (client) => client.chat.completions.create(chat)],
    ["stream", (client) => client.chat.completions.create({ ...chat, stream: true })],
    ["responses", (client) => client.responses.create({ model: "gpt-4o", input: "Hi" })],
    ["completions", (client) => client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "Hi" })],
    ["images", (client) => client.images.generate({ model: "gpt-image-1", prompt: "A river" })],
    ["speech", (client) => client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "A long river" })],
  ];
  for (const [name, ask] of asks) {
    await budget(`openai-${name}`, "0.000001");
    const before = world.simulator.calls();
    const error = await raised(ask(openai(`openai-${name}`)));
    expect(error, name).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "BUDGET_EXCEEDED", type: "insufficient_quota" });
    await expectOneRefusal(`openai-${name}`, "BUDGET_EXCEEDED", before);
  }
});

test("Anthropic's client raises RateLimitError after one request, streamed or not", async () => {
  for (const stream of [false, true]) {
    const session = `anthropic-${stream}`;
    await budget(session, "0.000001");
    const before = world.simulator.calls();
    const client = new Anthropic({ baseURL: world.url, apiKey: "anything", defaultHeaders: named(session) });
    const error = await raised(
      client.messages.create({ model: "claude-haiku-4-5", max_tokens: 100, messages, stream }),
    );
    expect(error).toBeInstanceOf(AnthropicRateLimitError);
    expect(error).toMatchObject({ status: 429 });
    expect((error as Error).message).toContain("Budget exceeded. Remaining: $0.000001");
    await expectOneRefusal(session, "BUDGET_EXCEEDED", before);
  }
});

test("Google's client raises ApiError after one request, streamed or not", async () => {
  for (const method of ["generateContent", "generateContentStream"] as const) {
    await budget(method, "0.000001");
    const before = world.simulator.calls();
    const client = new GoogleGenAI({ apiKey: "anything", httpOptions: { baseUrl: world.url, headers: named(method) } });
    const error = await raised(client.models[method]({ model: "gemini-2.5-flash", contents: "Hi" }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429 });
    expect((error as Error).message).toContain("RESOURCE_EXHAUSTED");
    await expectOneRefusal(method, "BUDGET_EXCEEDED", before);
  }
});

function post(path: string, headers: Record<string, string>, body: unknown): Promise<Response> {
  return fetch(world.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

test("a refusal says what was spent, what is left and what was needed, in exact numbers, and forbids the retry", async () => {
  const id = await budget("exact", "0.1");
  // 100,000 nano-dollars are spent first: 0.1 - 0.0001 would show the noise of a float.
  const spend = { ...chat, max_tokens: 150, ...steered({ output_tokens: 150 }) };
  const spent = await post("/v1/chat/completions", named("exact"), spend);
  const cost = spent.headers.get("x-tollhouse-cost") as string;
  await spent.text();
  await world.control("PUT", `/api/v1/limits/${id}`, { amount: "0.0001" });

  const refused = await post("/v1/chat/completions", named("exact"), chat);
  const body = (await refused.json()) as Refused;
  const left = (0.0001 - Number(cost)).toFixed(9);
  expect(refused.status).toBe(429);
  expect(body.error).toMatchObject({ type: "insufficient_quota", code: "BUDGET_EXCEEDED", param: null });
  expect(JSON.stringify(body.error.budget_info)).toBe(
    JSON.stringify({ budget: 0.0001, spent: Number(cost), remaining: Number(left) }),
  );
  expect(body.error.message).toMatch(
    new RegExp(`^Budget exceeded\\. Remaining: \\$${Number(left)}, Required: \\$0\\.\\d+$`),
  );
  expect(body.tollhouse).toEqual({
    allowed: false,
    reason_code: "BUDGET_EXCEEDED",
    decision_id: refused.headers.get("x-tollhouse-decision"),
    limit: { id, scope: "session:exact", measure: "usd", window: "lifetime", mode: "hard" },
    limit_state: { limit: "0.000100000", settled: cost, reserved: "0.000000000", remaining: left, resets_at: null },
    retry_after: null,
  });
  expect(refused.headers.get("x-tollhouse-reason")).toBe("BUDGET_EXCEEDED");
  expect(refused.headers.get("x-should-retry")).toBe("false");
  expect(refused.headers.get("retry-after")).toBeNull();
  expect(refused.headers.get("x-tollhouse-budget")).toBe(`scope=session:exact; remaining=${left}; reset=never`);
});

interface Refused {
  readonly error: { readonly message: string; readonly budget_info: Record<string, number> };
  readonly tollhouse: Record<string, unknown>;
}

test("a token or request limit is refused by its own name, without a word of money", async () => {
  const limits: [string, string, string][] = [
    ["tokens", "10", "TOKEN_LIMIT_EXCEEDED"],
    ["requests", "0", "REQUEST_LIMIT_EXCEEDED"],
  ];
  for (const [measure, amount, code] of limits) {
    const limit = { scope: `agent:by-${measure}`, measure, amount, window: "day", mode: "hard" };
    await world.control("POST", "/api/v1/limits", limit);
    const refused = await post("/v1/chat/completions", { "x-tollhouse-agent": `by-${measure}` }, chat);
    const body = (await refused.json()) as Refused;
    expect([refused.status, refused.headers.get("x-tollhouse-reason")]).toEqual([429, code]);
    expect(body.error.budget_info).toBeUndefined();
    expect(body.tollhouse["limit_state"]).toMatchObject({ limit: amount, settled: "0" });
  }
});

test("a model without a price is refused under a hard budget, as the client's own typed error", async () => {
  await budget("no-price", "5");
  const error = await raised(openai("no-price").chat.completions.create({ model: "unpriced-river", messages }));
  expect(error).toBeInstanceOf(PermissionDeniedError);
  expect(error).toMatchObject({ status: 403, code: "PRICE_UNKNOWN" });
});

test("a model without a price is allowed under a soft budget and under none, and its cost is unknown, not zero", async () => {
  await budget("no-price-soft", "5", "soft");
  for (const headers of [named("no-price-soft"), {}]) {
    const answer = await post("/v1/chat/completions", headers, { ...chat, model: "unpriced-river" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-tollhouse-cost")).toBeNull();
    await answer.text();
    const [newest] = await recordedCalls(world);
    expect([newest?.outcome, newest?.cost]).toEqual(["settled", null]);
    expect(newest?.usage?.["output"]).toBeGreaterThan(0);
  }
});

test("a soft budget that is long spent never blocks", async () => {
  await budget("soft", "0.000001", "soft");
  for (let call = 0; call < 3; call++) {
    const answer = await post("/v1/chat/completions", named("soft"), chat);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-tollhouse-budget")).toContain("scope=session:soft; remaining=0.000000");
    await answer.text();
  }
});
