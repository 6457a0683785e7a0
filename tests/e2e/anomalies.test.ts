import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { RateLimitError } from "openai";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { AnomalyRuleAnswer, KeyMade } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { all, recordedCalls, steered, until } from "./side-by-side.ts";

// Loops, bursts and spending too fast, from outside: who is stopped, by what, for how long, and that nobody else is.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

const made: { id: string; environment: string }[] = [];
afterEach(async () => {
  for (const { id, environment } of made.splice(0))
    await world.control("DELETE", `/api/v1/anomaly-rules/${id}?environment=${environment}`);
});

async function rule(over: object, environment = "prod"): Promise<AnomalyRuleAnswer> {
  const body = { kind: "loop", per: "session", threshold: "5", window_seconds: 600, action: "block", ...over };
  const answer = await world.control<AnomalyRuleAnswer>(
    "POST",
    `/api/v1/anomaly-rules?environment=${environment}`,
    body,
  );
  made.push({ id: answer.id, environment });
  return answer;
}

const now = ({ id }: AnomalyRuleAnswer): Promise<AnomalyRuleAnswer> =>
  world.control("GET", `/api/v1/anomaly-rules/${id}`);

function chat(content = "Hi", output = 20): object {
  return {
    model: "gpt-4o-mini",
    messages: [{ role: "user", content }],
    max_tokens: output,
    ...steered({ output_tokens: output }),
  };
}

interface Asked {
  readonly status: number;
  readonly code: string | null;
  readonly headers: Headers;
  readonly body: { readonly error?: { readonly message: string }; readonly tollhouse?: Record<string, unknown> };
}

async function call(dimensions: Record<string, string>, body: object = chat()): Promise<Asked> {
  const headers = Object.entries(dimensions).map(([name, value]): [string, string] => [
    name === "authorization" ? name : `x-tollhouse-${name}`,
    value,
  ]);
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: [["content-type", "application/json"], ...headers],
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    code: answer.headers.get("x-tollhouse-reason"),
    headers: answer.headers,
    body: (await answer.json()) as Asked["body"],
  };
}

/** One after another; the reason of each, null = it went through. */
async function reasons(times: number, dimensions: Record<string, string>, body?: object): Promise<(string | null)[]> {
  const codes: (string | null)[] = [];
  for (let i = 0; i < times; i++) codes.push((await call(dimensions, body)).code);
  return codes;
}

const none = (times: number): null[] => Array.from({ length: times }, () => null);

/** So many requests, 250 of them at any time: more would wait in this one process for longer than the server waits for headers. */
async function crowdOf(count: number, ask: () => Promise<Asked>): Promise<Asked[]> {
  const answers: Asked[] = [];
  const worker = async (): Promise<void> => {
    for (let left = count / 250; left > 0; left--) answers.push(await ask());
  };
  await Promise.all(Array.from({ length: 250 }, worker));
  return answers;
}

function openai(session: string): OpenAI {
  return new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: { "x-tollhouse-session": session } });
}

const raised = (work: Promise<unknown>): Promise<unknown> => work.then(() => null).catch((error: unknown) => error);

test("without a rule nobody is ever stopped for it", async () => {
  expect(await world.control("GET", "/api/v1/anomaly-rules")).toEqual({ anomaly_rules: [] });
  expect(await reasons(30, { session: "free", agent: "free", user: "free" })).toEqual(none(30));
});

test("an agent in a loop is frozen at the very request that makes it one; its running stream ends; unfrozen it starts anew", async () => {
  const freezing = await rule({ action: "freeze" });
  const client = openai("looping");
  const running = await client.chat.completions.create({
    ...(chat("a long story", 400) as OpenAI.ChatCompletionCreateParamsStreaming),
    ...steered({ output_tokens: 400, tokens_per_second: 20 }),
    max_tokens: 400,
    stream: true,
  });
  const read = raised(all(running));
  const sent = world.simulator.calls();
  for (let i = 1; i < 5; i++)
    await client.chat.completions.create(chat() as OpenAI.ChatCompletionCreateParamsNonStreaming);
  const error = await raised(client.chat.completions.create(chat() as OpenAI.ChatCompletionCreateParamsNonStreaming));
  expect(error).toBeInstanceOf(RateLimitError);
  expect(error).toMatchObject({ status: 429, code: "LOOP_DETECTED", type: "rate_limit_exceeded" });
  expect((error as Error).message).toContain(
    `session:looping made the same request 5 times in a row within 600 s (anomaly rule ${freezing.id}); session:looping is frozen`,
  );
  // One request of the client, none of ours: it was told not to try again, and the provider was not asked.
  expect(world.simulator.calls()).toBe(sent + 4);
  expect(await read).toMatchObject({ code: "SESSION_FROZEN" });
  await until("the session is frozen", async () => (await call({ session: "looping" })).code === "SESSION_FROZEN");
  expect(await world.control("GET", "/api/v1/sessions/looping")).toMatchObject({
    frozen: { operator: `anomaly-rule:${freezing.id}`, expires_at: null },
  });
  const { changes } = await world.control<{ changes: { action: string; actor: string }[] }>("GET", "/api/v1/audit");
  expect(changes[0]).toMatchObject({ action: "session.freeze", actor: `anomaly-rule:${freezing.id}` });
  const refused = (await recordedCalls(world, "session=looping")).filter(({ outcome }) => outcome === "blocked");
  expect(refused.at(-1)).toMatchObject({ reason_code: "LOOP_DETECTED" });
  expect((await now(freezing)).triggered).toMatchObject({ calls: 1, last: [{ scope: "session:looping" }] });
  await world.control("POST", "/api/v1/sessions/looping/unfreeze");
  expect(await reasons(4, { session: "looping" })).toEqual(none(4));
  expect(await reasons(1, { session: "looping" })).toEqual(["LOOP_DETECTED"]);
});

test("what differs is no loop: another text, another model, another session, another between two", async () => {
  await rule({ threshold: "3" });
  for (let i = 0; i < 6; i++) expect((await call({ session: "talk" }, chat(`turn ${i}`))).code).toBeNull();
  for (let i = 0; i < 6; i++) expect((await call({ session: `s${i % 3}` })).code).toBeNull();
  const dated = { ...chat(), model: "gpt-4o-mini-2024-07-18" };
  for (let i = 0; i < 3; i++) {
    expect(await reasons(2, { session: "mixed" })).toEqual(none(2));
    expect(await reasons(1, { session: "mixed" }, dated)).toEqual(none(1));
  }
  expect(await reasons(4, { session: "mixed" })).toEqual([null, null, "LOOP_DETECTED", "LOOP_DETECTED"]);
  // Something else goes through at once, and ends the row.
  expect(await reasons(1, { session: "mixed" }, chat("another way"))).toEqual([null]);
  expect(await reasons(2, { session: "mixed" })).toEqual(none(2));
});

test("the official client of each dialect raises after one request, and the body names rule and scope", async () => {
  const blocking = await rule({ threshold: "2", kind: "burst", per: "agent" });
  const defaultHeaders = { "x-tollhouse-agent": "typed" };
  const anthropic = new Anthropic({ baseURL: world.url, apiKey: "x", defaultHeaders });
  const google = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: world.url, headers: defaultHeaders } });
  await anthropic.messages.create({
    model: "claude-haiku-4-5",
    max_tokens: 9,
    messages: [{ role: "user", content: "Hi" }],
  });
  const sent = world.simulator.calls();
  const two = await raised(
    anthropic.messages.create({
      model: "claude-haiku-4-5",
      max_tokens: 9,
      messages: [{ role: "user", content: "Ho" }],
    }),
  );
  expect(two).toBeInstanceOf(Anthropic.RateLimitError);
  expect((two as Error).message).toContain(`agent:typed made 2 requests within 600 s (anomaly rule ${blocking.id})`);
  const three = await raised(google.models.generateContent({ model: "gemini-2.5-flash", contents: "Hi" }));
  expect(three).toBeInstanceOf(ApiError);
  expect(three).toMatchObject({ status: 429 });
  // Each of them came once: one more would have been counted.
  expect((await now(blocking)).triggered.calls).toBe(2);
  expect(world.simulator.calls()).toBe(sent);
  const answer = await call({ agent: "typed", session: "s" });
  expect(answer.body.tollhouse).toMatchObject({
    allowed: false,
    reason_code: "REQUEST_BURST",
    anomaly: { rule: blocking.id, scope: "agent:typed" },
    retry_after: null,
  });
  expect([answer.headers.get("retry-after"), answer.headers.get("x-should-retry")]).toEqual([null, "false"]);
  await world.recorded();
  const decision = answer.headers.get("x-tollhouse-decision") ?? "";
  expect(await world.control("GET", `/api/v1/decisions/${decision}`)).toMatchObject({
    reason_code: "REQUEST_BURST",
    anomaly_rule: blocking.id,
    steps: expect.arrayContaining([expect.objectContaining({ name: "anomaly", result: "blocked" })]) as unknown,
  });
});

test("of 1,000 requests, 250 at once, exactly as many pass as the rule lets through; who comes within a minute is told when", async () => {
  await rule({ kind: "burst", threshold: "101", window_seconds: 600 });
  const codes = await crowdOf(1_000, () => call({ session: "crowd" }, chat("at once", 1)));
  const passed = codes.filter(({ code }) => code === null).length;
  expect([passed, codes.filter(({ code }) => code === "REQUEST_BURST").length]).toEqual([100, 900]);
  await rule({ kind: "burst", threshold: "2", window_seconds: 20, per: "user" });
  await call({ user: "quick" });
  const told = await call({ user: "quick" });
  const wait = Number(told.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(15);
  expect(wait).toBeLessThanOrEqual(21);
  expect(told.body.tollhouse?.["retry_after"]).toBe(wait);
});

test("1,000 requests, 250 at once, that a rule freezes: not one more passes while the freeze is on its way", async () => {
  const freezing = await rule({ kind: "burst", threshold: "51", action: "freeze" });
  const answers = await crowdOf(1_000, () => call({ session: "stampede" }, chat("now", 1)));
  const passed = answers.filter(({ code }) => code === null).length;
  const by = new Set(answers.map(({ code }) => code));
  expect(passed).toBeLessThanOrEqual(50);
  expect(by.has("REQUEST_BURST")).toBe(true);
  for (const code of by) expect([null, "REQUEST_BURST", "SESSION_FROZEN"]).toContain(code);
  const { changes } = await world.control<{ changes: { action: string; actor: string }[] }>("GET", "/api/v1/audit");
  // Frozen once, not once for each of them.
  expect(changes.filter(({ actor }) => actor === `anomaly-rule:${freezing.id}`)).toHaveLength(1);
});

test("a user who spends too fast is stopped, by what was spent and by what is under way; others go on", async () => {
  // 1,000 output tokens of gpt-4o-mini are $0.0006; five of them within ten minutes are $0.0003 a minute.
  const limit = await rule({ kind: "velocity", per: "user", threshold: "0.0003", window_seconds: 600 });
  const dear = (i: number): object => chat(`essay ${i}`, 1_000);
  for (let i = 0; i < 5; i++) expect((await call({ user: "spender" }, dear(i))).code, `call ${i}`).toBeNull();
  const answer = await call({ user: "spender" }, dear(5));
  expect([answer.status, answer.code]).toEqual([429, "SPEND_VELOCITY"]);
  expect(answer.body.error?.message).toMatch(
    new RegExp(`user:spender spent, with what is open, \\$0\\.0030\\d* within 600 s; .*\\(anomaly rule ${limit.id}\\)`),
  );
  expect((await call({ user: "saver" }, dear(0))).code).toBeNull();
  // None of these has cost anything yet when the last of them comes.
  const slow = { ...dear(9), ...steered({ output_tokens: 1_000, delay_ms: 1_500 }) };
  const crowd = await Promise.all(Array.from({ length: 12 }, () => call({ user: "crowd" }, slow)));
  const passed = crowd.filter(({ code }) => code === null).length;
  expect(passed).toBeGreaterThanOrEqual(5);
  expect(passed).toBeLessThan(12);
  // What was only held is given back, and what it cost stands in its place.
  await until("every call has ended", () => world.tollhouse.gateway.state.inFlight === 0);
  expect((await call({ user: "crowd" }, slow)).code).toBe("SPEND_VELOCITY");
});

test("a stream that goes on and on counts while it runs, by what it has reserved so far", async () => {
  // The first slice of such a call is a cent; five are reached only by a stream that has grown. What asks meanwhile costs next to nothing.
  await rule({ kind: "velocity", per: "user", threshold: "0.005", window_seconds: 600 });
  const headers = { "x-tollhouse-user": "talker", "x-tollhouse-feature": "growth" };
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: headers });
  const endless = { ...steered({ output_tokens: 15_000, tokens_per_second: 3_000 }), stream: true as const };
  const stream = await client.chat.completions.create({
    ...(chat("on and on") as OpenAI.ChatCompletionCreateParamsStreaming),
    ...endless,
    model: "gpt-4o",
    max_tokens: 15_000,
  });
  const reading = raised(all(stream));
  expect((await call({ user: "talker" }, chat("short", 1))).code).toBeNull();
  await until("what the stream reserves is too much", async () => {
    expect(world.tollhouse.gateway.state.inFlight).toBeGreaterThan(0);
    return (await call({ user: "talker" }, chat("short", 1))).code === "SPEND_VELOCITY";
  });
  stream.controller.abort();
  await reading;
});

test("a call without a session cannot be frozen: it is refused for as long as it lasts", async () => {
  await rule({ per: "agent", threshold: "3", action: "freeze" });
  const codes = await reasons(4, { agent: "nameless" });
  expect(codes).toEqual([null, null, "LOOP_DETECTED", "LOOP_DETECTED"]);
  expect(await reasons(1, { agent: "nameless" }, chat("else"))).toEqual([null]);
});

test("a freeze that ends by itself says when, and then the session goes on", async () => {
  await rule({ kind: "burst", threshold: "3", action: "freeze", freeze_seconds: 1 });
  expect(await reasons(2, { session: "brief" })).toEqual(none(2));
  const answer = await call({ session: "brief" });
  expect([answer.code, answer.headers.get("retry-after")]).toEqual(["REQUEST_BURST", "1"]);
  await until("the session is frozen", async () => (await call({ session: "brief" })).code === "SESSION_FROZEN");
  await until("the freeze has ended", async () => (await call({ session: "brief" })).code === null);
});

test("an alert stops nobody, and is seen: in the metrics, and on the rule", async () => {
  const alerting = await rule({ threshold: "3", action: "alert" });
  expect(await reasons(5, { session: "watched" })).toEqual(none(5));
  const { triggered } = await now(alerting);
  expect(triggered.calls).toBe(3);
  // One a window, not one a call.
  expect(triggered.last).toEqual([
    { at: expect.any(String), decision: expect.stringMatching(/^dec_[0-9a-f]{32}$/), scope: "session:watched" },
  ]);
  const metrics = await (await fetch(`${world.url}/metrics`)).text();
  expect(metrics).toMatch(/^tollhouse_anomalies_total\{kind="loop",action="alert"\} 3$/m);
});

test("a change is in force at the next call, and so is a deletion", async () => {
  const first = await rule({ threshold: "9" });
  expect(await reasons(3, { session: "changed" })).toEqual(none(3));
  await world.control("PUT", `/api/v1/anomaly-rules/${first.id}`, { threshold: "4" });
  expect(await reasons(2, { session: "changed" })).toEqual(["LOOP_DETECTED", "LOOP_DETECTED"]);
  await world.control("PUT", `/api/v1/anomaly-rules/${first.id}`, { threshold: "9" });
  expect(await reasons(1, { session: "changed" })).toEqual([null]);
  await world.control("PUT", `/api/v1/anomaly-rules/${first.id}`, { threshold: "2", action: "alert" });
  expect(await reasons(2, { session: "changed" })).toEqual(none(2));
  await world.control("PUT", `/api/v1/anomaly-rules/${first.id}`, { action: "block" });
  expect(await reasons(1, { session: "changed" })).toEqual(["LOOP_DETECTED"]);
  await world.control("DELETE", `/api/v1/anomaly-rules/${made.pop()?.id}`);
  expect(await reasons(3, { session: "changed" })).toEqual(none(3));
});

test("a rule counts and stops in its own environment alone", async () => {
  await rule({ threshold: "3" }, "dev");
  const { key } = await world.control<KeyMade>("POST", "/api/v1/keys", { name: "dev", environment: "dev" });
  const authorization = `Bearer ${key}`;
  expect(await reasons(6, { session: "twin" })).toEqual(none(6));
  expect(await reasons(3, { session: "twin", authorization })).toEqual([null, null, "LOOP_DETECTED"]);
  expect(await reasons(2, { session: "twin" })).toEqual(none(2));
});

test("questions that are no use of a model are not counted", async () => {
  await rule({ kind: "burst", threshold: "2" });
  const headers = { "x-tollhouse-session": "lookup" };
  for (let i = 0; i < 4; i++) expect((await fetch(`${world.url}/v1/models`, { headers })).status).toBe(200);
  expect(await reasons(2, { session: "lookup" })).toEqual([null, "REQUEST_BURST"]);
});

test("no text of a request is kept: in no table, entry or answer", async () => {
  const canary = "canary-7f3d-anomaly";
  const freezing = await rule({ threshold: "2", action: "freeze" });
  await reasons(3, { session: "secret" }, chat(canary));
  await world.recorded();
  const answers = await Promise.all(
    [`anomaly-rules/${freezing.id}`, "audit", "sessions/secret", "calls"].map((path) =>
      world.control("GET", `/api/v1/${path}`),
    ),
  );
  expect(JSON.stringify(answers)).not.toContain(canary);
  const { rows: tables } = await world.database.db.query<{ name: string }>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  expect(tables.length).toBeGreaterThan(10);
  for (const { name } of tables) {
    const { rows } = await world.database.db.query<{ found: bigint }>(
      `SELECT count(*) AS found FROM ${name} AS t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%'`,
      [canary, Buffer.from(canary).toString("hex")],
    );
    expect([name, Number(rows[0]?.found)]).toEqual([name, 0]);
  }
});
