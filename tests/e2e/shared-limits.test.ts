import OpenAI, { APIError } from "openai";
import type { LimitAnswer, SystemAnswer } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedRedis, type StartedRedis } from "../../packages/testkit/src/started-redis.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls, steered, until } from "./side-by-side.ts";

// Two gateways that spend the same budgets, and may go on within an allowance while Redis is away (FAIL_MODE=open).

let redis: StartedRedis;
let one: StartedTollhouse;
let two: StartedTollhouse;
beforeAll(async () => {
  redis = await startedRedis();
  const env = { REDIS_URL: redis.url, DEFAULT_BUDGET: "0", FAIL_MODE: "open", FAIL_OPEN_ALLOWANCE: "0.00005" };
  one = await startedTollhouse({ env });
  two = await startedTollhouse({ env, beside: one });
});
afterAll(async () => {
  await two.stop();
  await one.stop();
  await redis.remove();
});

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
/** Nano-dollars an output token of gpt-4o-mini. */
const TOKEN = 600;

async function budget(name: string, dollars: string): Promise<string> {
  const limit = { scope: `session:${name}`, measure: "usd", amount: dollars, window: "lifetime", mode: "hard" };
  const { id } = await one.control<LimitAnswer>("POST", "/api/v1/limits", limit);
  await until("the other gateway has it too", () =>
    two.control("GET", `/api/v1/limits/${id}`).then(Boolean, () => false),
  );
  return id;
}

const standing = async (world: StartedTollhouse, id: string): Promise<LimitAnswer["state"]> =>
  (await world.control<LimitAnswer>("GET", `/api/v1/limits/${id}`)).state;

const client = ({ url }: StartedTollhouse, session: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, defaultHeaders: { "x-session-id": session } });

async function streamed(world: StartedTollhouse, session: string, callId: string): Promise<unknown> {
  try {
    const stream = await client(world, session).chat.completions.create({
      model: "gpt-4o-mini",
      messages,
      stream: true,
      ...steered({ output_tokens: 4_000, tokens_per_second: 200, call_id: callId }),
    });
    for await (const _ of stream);
    return null;
  } catch (error) {
    return error;
  }
}

function nano(text: string): bigint {
  return BigInt(text.replace(".", ""));
}

const sumOf = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n);

async function costs(session: string): Promise<bigint> {
  const entries = await Promise.all([one, two].map((world) => world.recorded())).then(() =>
    recordedCalls(one, `session=${session}`),
  );
  return sumOf(entries.map(({ cost }) => nano(cost ?? "0")));
}

test("a stream through each gateway: both are cut where the budget that they share ends, and nothing is spent above it", async () => {
  const amount = ((3_000 * TOKEN) / 1e9).toFixed(9);
  const id = await budget("river", amount);
  const ends = await Promise.all([streamed(one, "river", "first"), streamed(two, "river", "second")]);
  for (const end of ends) expect(end).toMatchObject({ code: "BUDGET_EXCEEDED" });
  for (const end of ends) expect(end).toBeInstanceOf(APIError);
  const ofRiver = () => one.simulator.bill().filter(({ callId }) => callId === "first" || callId === "second");
  await until("the provider sees both aborts", () => ofRiver().length === 2);
  await until("nothing is held", async () => (await standing(two, id)).reserved === "0.000000000");
  const { settled } = await standing(two, id);
  expect(await standing(one, id)).toEqual(await standing(two, id));
  expect(nano(settled) <= nano(amount)).toBe(true);
  expect(nano(settled) > nano(amount) / 2n).toBe(true);
  expect(sumOf(ofRiver().map(({ costNano }) => costNano)) <= nano(amount)).toBe(true);
  expect(await costs("river")).toBe(nano(settled));
});

test("what a check holds through one gateway is held for the other, and what is recorded is counted there", async () => {
  const id = await budget("checked", "0.01");
  const post = async <T>(path: string, body: object): Promise<T> =>
    (await (
      await fetch(`${one.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).json()) as T;
  const of = { provider: "openai", model: "gpt-4o-mini", session: "checked" };
  const check = await post<{ decision_id: string; allowed: boolean }>("/sdk/check", {
    ...of,
    input_tokens: 100,
    max_output_tokens: 1_000,
    reserve: true,
  });
  expect(check.allowed).toBe(true);
  expect(nano((await standing(two, id)).reserved)).toBe(BigInt(100 * 150 + 1_000 * TOKEN));
  await post("/sdk/record", { ...of, decision_id: check.decision_id, usage: { input: 100, output: 10 } });
  await until("it is counted", async () => (await standing(two, id)).reserved === "0.000000000");
  expect(nano((await standing(two, id)).settled)).toBe(BigInt(100 * 150 + 10 * TOKEN));
});

test("while Redis does not answer calls go within the allowance, and say so; past it they are refused; later all of it is counted", async () => {
  const id = await budget("away", "1");
  const ask = async (): Promise<Response> =>
    await fetch(`${one.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-session-id": "away" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages, max_tokens: 20 }),
    });
  redis.pause();
  const answers: Response[] = [];
  try {
    for (let i = 0; i < 12; i++) answers.push(await ask());
    const { allowance } = await one.control<SystemAnswer>("GET", "/api/v1/system");
    expect(nano(allowance?.used ?? "0") > 0n).toBe(true);
    const metrics = await (await fetch(`${one.url}/metrics`)).text();
    expect(metrics).toMatch(/^tollhouse_node_limit\{name="untold_ends"\} 100000$/m);
    expect(metrics).toMatch(/^tollhouse_node_limit_used\{name="untold_ends"\} [1-9]\d*$/m);
    expect(metrics).toMatch(/^tollhouse_node_limit_used\{name="uncounted_usd"\} 0\.0000\d+$/m);
  } finally {
    redis.resume();
  }
  const admitted = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status !== 200);
  expect(admitted.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers } of admitted)
    expect(headers.get("x-tollhouse-allowance")).toMatch(/^remaining=0\.0000\d+; of=0\.000050000$/);
  for (const { status, headers } of refused)
    expect([status, headers.get("x-tollhouse-reason"), headers.get("retry-after")]).toEqual([
      503,
      "LIMITS_UNAVAILABLE",
      "1",
    ]);
  await until("it answers again", async () => (await ask()).status === 200);
  await until("all is counted", async () => nano((await standing(two, id)).settled) === (await costs("away")));
  // Reserves whose answers were lost are given back.
  await until("nothing is held", async () => (await standing(two, id)).reserved === "0.000000000");
  const { allowance } = await one.control<SystemAnswer>("GET", "/api/v1/system");
  expect(allowance).toEqual({ of: "0.000050000", used: "0.000000000" });
});
