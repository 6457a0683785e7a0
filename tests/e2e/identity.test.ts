import OpenAI, { BadRequestError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls, steered } from "./side-by-side.ts";

// Whose call it is, and what a session gets that nobody gave a limit.

let open: StartedTollhouse;
let strict: StartedTollhouse;
let keyed: StartedTollhouse;
beforeAll(async () => {
  open = await startedTollhouse({ env: { DEFAULT_BUDGET: "0.001" } });
  strict = await startedTollhouse({ env: { STRICT_MODE: "true" } });
  keyed = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required" } });
});
afterAll(() => Promise.all([open.stop(), strict.stop(), keyed.stop()]));

const messages = [{ role: "user" as const, content: "Hi" }];
const chat = { model: "gpt-4o-mini", messages };

function post(
  world: StartedTollhouse,
  headers: Record<string, string>,
  query = "",
  more: object = {},
): Promise<Response> {
  return fetch(`${world.url}/v1/chat/completions${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...chat, max_tokens: 100, ...steered({ output_tokens: 100 }), ...more }),
  });
}

async function statusOf(answer: Promise<Response>): Promise<[number, string | null]> {
  const { status, headers, body } = await answer;
  await body?.cancel();
  return [status, headers.get("x-tollhouse-reason")];
}

test("in strict mode a call without a session is refused, before anything leaves", async () => {
  const client = new OpenAI({ baseURL: `${strict.url}/v1`, apiKey: "anything" });
  const error = await client.chat.completions.create(chat).catch((problem: unknown) => problem);
  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ status: 400, code: "IDENTITY_REQUIRED" });
  expect(strict.simulator.calls()).toBe(0);
});

test("a session is named by our header, by the alias, or by the query", async () => {
  const ways: [Record<string, string>, string][] = [
    [{ "x-tollhouse-session": "by-header" }, ""],
    [{ "X-Session-Id": "by-alias" }, ""],
    [{}, "?session_id=by-query"],
    [{ "x-session-id": "loser", "x-tollhouse-session": "winner" }, "?session_id=also-loser"],
  ];
  for (const [headers, query] of ways) expect(await statusOf(post(strict, headers, query))).toEqual([200, null]);
  const sessions = (await recordedCalls(strict, "outcome=settled")).map((call) => call.dimensions["session"]);
  expect(sessions).toEqual(["winner", "by-query", "by-alias", "by-header"]);
});

test("the session in the query works with the official client", async () => {
  const client = new OpenAI({ baseURL: `${strict.url}/v1`, apiKey: "x", defaultQuery: { session_id: "official" } });
  expect((await client.chat.completions.create(chat)).choices).toHaveLength(1);
  expect(await recordedCalls(strict, "session=official")).toHaveLength(1);
});

test("every dimension is recorded, by its own header or its alias", async () => {
  const said = { agent: "a", feature: "f", service: "s", user: "u", team: "t", customer: "c", session: "all" };
  const ours = Object.fromEntries(Object.entries(said).map(([name, value]) => [`x-tollhouse-${name}`, value]));
  const { session, ...tolvyn } = said;
  const aliases = Object.fromEntries(Object.entries(tolvyn).map(([name, value]) => [`x-tolvyn-${name}`, value]));
  await statusOf(post(open, ours));
  await statusOf(post(open, { ...aliases, "x-session-id": session }));
  const [second, first] = await recordedCalls(open, "session=all");
  expect(second?.dimensions).toEqual(first?.dimensions);
  expect({ ...first?.dimensions, user: "u" }).toEqual(said);
});

test("the default budget is each session's own", async () => {
  for (const session of ["one", "two"]) {
    let admitted = 0;
    // 100 output tokens are 60,000 nano-dollars and some for the input: 16 of them fit into a tenth of a cent.
    while ((await statusOf(post(open, { "x-session-id": session })))[0] === 200 && admitted < 100) admitted++;
    expect(admitted).toBeGreaterThanOrEqual(16);
    expect(admitted).toBeLessThan(18);
    expect(await statusOf(post(open, { "x-session-id": session }))).toEqual([429, "BUDGET_EXCEEDED"]);
  }
  expect(await statusOf(post(open, {}))).toEqual([200, null]);
});

test("a session's own limit replaces the default one and remembers what was spent", async () => {
  const session = { "x-session-id": "grows" };
  while ((await statusOf(post(open, session)))[0] === 200);
  const spent = (await recordedCalls(open, "session=grows&outcome=settled")).reduce(
    (sum, call) => sum + Number(call.cost),
    0,
  );
  const limit = { scope: "session:grows", measure: "usd", amount: "0.01", window: "lifetime", mode: "hard" };
  const made = await open.control<{ state: { settled: string } }>("POST", "/api/v1/limits", limit);
  expect(made.state.settled).toBe(spent.toFixed(9));
  expect(await statusOf(post(open, session))).toEqual([200, null]);
});

test("where keys are required, a call without one, or with a wrong one, is told nothing else", async () => {
  expect(await statusOf(post(keyed, {}))).toEqual([401, "KEY_INVALID"]);
  expect(await statusOf(post(keyed, { authorization: "Bearer sk-wrong" }))).toEqual([401, "KEY_INVALID"]);
  expect(await statusOf(post(keyed, { authorization: "Bearer th_prod_wrong" }))).toEqual([401, "KEY_INVALID"]);
  expect(await statusOf(post(keyed, { authorization: `Bearer ${TEST_ADMIN_KEY}` }))).toEqual([200, null]);
  expect(await statusOf(post(keyed, { "x-api-key": TEST_ADMIN_KEY }))).toEqual([200, null]);
});

test("a key of ours that is wrong is refused in open mode too, and is never sent to a provider", async () => {
  const before = open.simulator.calls();
  expect(await statusOf(post(open, { authorization: "Bearer th_prod_stolen" }))).toEqual([401, "KEY_INVALID"]);
  expect(open.simulator.calls()).toBe(before);
});

test("in open mode only a loopback host name is served", async () => {
  const { request } = await import("undici");
  for (const [host, status] of [
    ["evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost:8787", 200],
    ["tollhouse.localhost", 200],
  ] as const) {
    const answer = await request(`${open.url}/v1/chat/completions`, {
      method: "POST",
      headers: { host, "content-type": "application/json" },
      body: JSON.stringify(chat),
    });
    expect([host, answer.statusCode]).toEqual([host, status]);
    await answer.body.dump();
    const control = await request(`${open.url}/api/v1/limits`, {
      headers: { host, authorization: `Bearer ${TEST_ADMIN_KEY}` },
    });
    expect([host, control.statusCode]).toEqual([host, status]);
    await control.body.dump();
  }
});

test("a session whose own limit is deleted has its default budget again, and that remembers what was spent", async () => {
  const session = "falls-back";
  const ask = (): Promise<Response> => post(open, { "x-session-id": session });
  const limit = await open.control<{ id: string }>("POST", "/api/v1/limits", {
    scope: `session:${session}`,
    measure: "usd",
    amount: "5.00",
    window: "lifetime",
    mode: "hard",
  });
  let spent = 0;
  while (spent < 0.001) spent += Number((await ask()).headers.get("x-tollhouse-cost"));
  await open.control("DELETE", `/api/v1/limits/${limit.id}`);
  // More than the default budget of $0.001 is spent, though none of it was spent under it.
  expect(await statusOf(ask())).toEqual([429, "BUDGET_EXCEEDED"]);
  expect((await ask()).headers.get("x-tollhouse-budget")).toContain("remaining=0.000000000");
});
