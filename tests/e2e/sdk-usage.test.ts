import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls } from "./side-by-side.ts";

// What official clients answer with, recorded as it is.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

interface Recorded {
  readonly cost: string | null;
  readonly usage: Readonly<Record<string, number>> | null;
}

async function record(body: unknown): Promise<{ readonly status: number; readonly body: Recorded }> {
  const answer = await fetch(`${world.url}/sdk/record`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Recorded };
}

describe("usage objects of official clients cost what the gateway's own call costs", () => {
  const messages = [{ role: "user" as const, content: "Tell me of tolls" }];

  /** The client against the gateway; what it answered, recorded: with the usage alone, and with the whole answer. */
  async function sameCost(
    call: () => Promise<unknown>,
    field: string,
    named: { provider: string; model: string },
  ): Promise<void> {
    const answer = JSON.parse(JSON.stringify(await call())) as Record<string, unknown>;
    const [gateway] = await recordedCalls(world);
    for (const said of [{ usage: answer[field] }, { response: answer }]) {
      const { status, body } = await record({ ...named, ...said });
      expect([status, body.cost, body.usage]).toEqual([200, gateway?.cost, gateway?.usage]);
    }
  }

  test("OpenAI: chat, responses, embeddings", async () => {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "sk-any" });
    const model = "gpt-4o-mini";
    await sameCost(() => client.chat.completions.create({ model, messages, max_tokens: 50 }), "usage", {
      provider: "openai",
      model,
    });
    await sameCost(() => client.responses.create({ model, input: "Hi", max_output_tokens: 50 }), "usage", {
      provider: "openai",
      model,
    });
    const embedding = "text-embedding-3-small";
    await sameCost(() => client.embeddings.create({ model: embedding, input: "Hi" }), "usage", {
      provider: "openai",
      model: embedding,
    });
  });

  test("Anthropic", async () => {
    const client = new Anthropic({ baseURL: world.url, apiKey: "sk-any" });
    const model = "claude-haiku-4-5";
    await sameCost(() => client.messages.create({ model, messages, max_tokens: 50 }), "usage", {
      provider: "anthropic",
      model,
    });
  });

  test("Gemini", async () => {
    const client = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: world.url } });
    const model = "gemini-2.5-flash";
    await sameCost(() => client.models.generateContent({ model, contents: "Hi" }), "usageMetadata", {
      provider: "gemini",
      model,
    });
  });
});

test("limits of a policy hold checks and count what is recorded, with a check or without; its caps are caps of a check", async () => {
  const limits = [{ measure: "usd", amount: "0.000200", window: "day", mode: "hard", scope: "user" }];
  const policy = {
    name: "sdk",
    priority: 0,
    mode: "enforce",
    attach: { feature: "sdk" },
    models: { deny: ["gpt-4o"] },
  };
  await world.control("POST", "/api/v1/policies", { ...policy, limits });
  const whose = { provider: "openai", model: "gpt-4o-mini", feature: "sdk", user: "u-policy" };
  const check = async (over: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${world.url}/sdk/check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...whose, input_tokens: 100, max_output_tokens: 100, ...over }),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  expect(await check({ model: "gpt-4o" })).toMatchObject({ allowed: false, reason_code: "MODEL_NOT_ALLOWED" });
  const usage = { prompt_tokens: 100, completion_tokens: 100 };
  const held = await check({ reserve: true });
  expect(held).toMatchObject({ allowed: true, reservation: { amount: "0.000075000" } });
  await record({ decision_id: held["decision_id"], usage });
  await record({ ...whose, usage });
  expect(await check({})).toMatchObject({
    allowed: false,
    reason_code: "BUDGET_EXCEEDED",
    limit_state: { settled: "0.000150000", reserved: "0.000000000" },
  });
});
