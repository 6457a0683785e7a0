import { APIError } from "openai";
import OpenAI from "openai";
import type { LimitAnswer, SystemAnswer } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedRedis, type StartedRedis } from "../../packages/testkit/src/started-redis.ts";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { MemberBrowser } from "./member-browser.ts";
import { until } from "./side-by-side.ts";

// Several gateways on one PostgreSQL and one Redis, asked by official clients: what they do is what one gateway does.

let redis: StartedRedis;
const worlds: StartedTollhouse[] = [];
beforeAll(async () => {
  redis = await startedRedis();
  const env = { REDIS_URL: redis.url, DEFAULT_BUDGET: "0", TOLLHOUSE_CONFIGURATION_STALE_SECONDS: "10" };
  worlds.push(await startedTollhouse({ env: { ...env, TOLLHOUSE_NODE_NAME: "one" } }));
  worlds.push(await startedTollhouse({ env: { ...env, TOLLHOUSE_NODE_NAME: "two" }, beside: one() }));
});
afterAll(async () => {
  for (const world of worlds.toReversed()) await world.stop();
  await redis.remove();
});

const one = (): StartedTollhouse => worlds[0] as StartedTollhouse;
const two = (): StartedTollhouse => worlds[1] as StartedTollhouse;

function client({ url }: StartedTollhouse, session: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", defaultHeaders: { "x-session-id": session } });
}

function ask(openai: OpenAI): Promise<OpenAI.Chat.ChatCompletion> {
  return openai.chat.completions.create({
    model: "gpt-4o-mini",
    max_tokens: 20,
    messages: [{ role: "user", content: "Hello" }],
  });
}

async function status(world: StartedTollhouse): Promise<SystemAnswer> {
  return world.control<SystemAnswer>("GET", "/api/v1/system");
}

test("a limit that one gateway makes is in force in the other within a second, and what both spend is one sum", async () => {
  const input = { scope: "session:shared", measure: "requests", amount: "5", window: "lifetime", mode: "hard" };
  const { id } = await one().control<LimitAnswer>("POST", "/api/v1/limits", input);
  const answer = (world: StartedTollhouse): Promise<LimitAnswer> =>
    world.control<LimitAnswer>("GET", `/api/v1/limits/${id}`);
  await until("the other to have it", () =>
    answer(two()).then(
      () => true,
      () => false,
    ),
  );
  const clients = [client(one(), "shared"), client(two(), "shared")];
  for (const openai of clients) await ask(openai);
  for (const world of worlds) expect((await answer(world)).state).toMatchObject({ settled: "2", remaining: "3" });
  const asked = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => ask(clients[n % 2] as OpenAI)));
  expect(asked.filter(({ status: ended }) => ended === "fulfilled")).toHaveLength(3);
  const refused = asked.flatMap((each) => (each.status === "rejected" ? [each.reason as APIError] : []));
  expect(new Set(refused.map(({ status: code }) => code))).toEqual(new Set([429]));
  for (const world of worlds)
    expect((await answer(world)).state).toMatchObject({ settled: "5", reserved: "0", remaining: "0" });
});

test("a session is one on both gateways, and ended on the one is ended on the other at once; each member is one", async () => {
  const password = "correct horse battery staple";
  const owner = { admin_key: TEST_ADMIN_KEY, name: "Ada", email: "ada@example.com", password };
  const at = worlds.map(({ url }) => new MemberBrowser(url));
  const made = await Promise.all(at.map((browser) => browser.signIn("/api/sign-in/owner", owner)));
  expect(made.map(({ status: code }) => String(code)).toSorted()).toEqual(["200", "409"]);
  const { email } = owner;
  const moved = async (from: MemberBrowser, to: MemberBrowser): Promise<void> => {
    expect((await from.signIn("/api/sign-in/password", { email, password })).status).toBe(200);
    for (const [name, value] of from.cookies) to.cookies.set(name, value);
    to.csrf = from.csrf;
  };
  const [here, there] = at as [MemberBrowser, MemberBrowser];
  for (const [from, to] of [
    [here, there],
    [there, here],
  ] as const) {
    await moved(from, to);
    expect((await to.ask("GET", "/api/v1/session")).status).toBe(200);
    const body = { name: "Bob", email: `bob-${new URL(from.url).port}@example.com`, role: "viewer" };
    expect((await to.ask("POST", "/api/v1/members", { body })).status).toBe(201);
    expect((await from.ask("POST", "/api/v1/session/end")).status).toBe(204);
    expect((await to.ask("GET", "/api/v1/session")).code).toBe("SESSION_ENDED");
  }
});

test("each names all of them, the store that they share, and no overspend", async () => {
  for (const world of worlds) {
    const found = await status(world);
    expect(found.node).toMatchObject({ counters: "redis", ready: true, address: world.url });
    expect(found.nodes?.map(({ name, live, address }) => [name, live, address])).toEqual([
      ["one", true, one().url],
      ["two", true, two().url],
    ]);
    expect(found.redis).toMatchObject({
      reachable: true,
      servers: [redis.url.slice("redis://".length)],
      fence: { state: "open" },
    });
    expect(found.allowance).toEqual({ of: "1.000000000", used: "0.000000000" });
    expect(found.worst_overspend).toBe("0.000000000");
  }
});

test("a process that is no gateway takes no calls, and its control API is that of all", async () => {
  const env = { REDIS_URL: redis.url, TOLLHOUSE_ROLE: "control", TOLLHOUSE_NODE_NAME: "three" };
  const desk = await startedTollhouse({ env, beside: one() });
  try {
    const refused = await ask(client(desk, "shared")).catch((error: unknown) => error as APIError);
    expect(refused).toMatchObject({ status: 404, code: "ENDPOINT_UNKNOWN" });
    const input = { scope: "session:desk", measure: "requests", amount: "1", window: "lifetime", mode: "hard" };
    const { id } = await desk.control<LimitAnswer>("POST", "/api/v1/limits", input);
    await ask(client(two(), "desk"));
    const state = (await desk.control<LimitAnswer>("GET", `/api/v1/limits/${id}`)).state;
    expect(state).toMatchObject({ settled: "1", remaining: "0" });
    expect((await status(desk)).node).toMatchObject({ roles: ["control"], ready: true });
  } finally {
    await desk.stop();
  }
});

test("while Redis is away each says so and refuses what it cannot count; when it is back, emptied, each goes on with the same sums", async () => {
  await redis.kill();
  const refused = await ask(client(one(), "shared")).catch((error: unknown) => error as APIError);
  expect(refused).toMatchObject({ status: 503, code: "LIMITS_UNAVAILABLE" });
  await until("the page to say so", async () => (await status(one())).node.waiting_for.includes("redis"));
  await redis.start({ empty: true });
  for (const { url } of worlds) await until("it to be ready", async () => (await fetch(`${url}/ready`)).status === 200);
  const failure = await ask(client(two(), "shared")).catch((error: unknown) => error as APIError);
  expect(failure).toMatchObject({ status: 429, code: "REQUEST_LIMIT_EXCEEDED" });
});
