import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { APIError, AuthenticationError, PermissionDeniedError, RateLimitError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade, LimitAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls, steered, until, type RecordedCall } from "./side-by-side.ts";

// Keys that Tollhouse issues, and the environments they belong to, with official clients.

let world: StartedTollhouse;
let open: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" } });
  open = await startedTollhouse({ env: { DEFAULT_BUDGET: "0.001" } });
});
afterAll(() => Promise.all([world.stop(), open.stop()]));

const messages = [{ role: "user" as const, content: "Hi" }];
const chat = { model: "gpt-4o-mini", messages, max_tokens: 100 };

function make(over: object = {}, at = world): Promise<KeyMade> {
  return at.control<KeyMade>("POST", "/api/v1/keys", { name: "test", ...over });
}

function client(key: string, headers: Record<string, string> = {}): OpenAI {
  return new OpenAI({ baseURL: `${world.url}/v1`, apiKey: key, defaultHeaders: headers, maxRetries: 0 });
}

function post(key: string, headers: Record<string, string> = {}, body: object = {}, at = world): Promise<Response> {
  return fetch(`${at.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ ...chat, ...body }),
  });
}

async function outcome(answer: Promise<Response>): Promise<[number, string | null]> {
  const { status, headers, body } = await answer;
  await body?.cancel();
  return [status, headers.get("x-tollhouse-reason")];
}

async function newest(query: string): Promise<RecordedCall & { key: string; environment: string }> {
  const [call] = await recordedCalls(world, query);
  return call as RecordedCall & { key: string; environment: string };
}

describe("a call", () => {
  test("with a key goes through in every dialect, and the ledger knows whose it is", async () => {
    const { id, key } = await make({ environment: "dev", fixed: { team: "search" } });
    await client(key).chat.completions.create(chat);
    await new Anthropic({ baseURL: world.url, apiKey: key }).messages.create({
      model: "claude-haiku-4-5",
      max_tokens: 50,
      messages,
    });
    const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: world.url } });
    await google.models.generateContent({ model: "gemini-2.5-flash", contents: "Hi" });
    const calls = await recordedCalls(world, "environment=dev&outcome=settled");
    expect(calls.map((call) => call.model).toSorted()).toEqual(["claude-haiku-4-5", "gemini-2.5-flash", "gpt-4o-mini"]);
    for (const call of calls)
      expect(call).toMatchObject({ key: id, environment: "dev", dimensions: { team: "search" } });
  });

  test("with a key beside another credential, in whichever header or in the query, is the key's", async () => {
    const { id, key } = await make();
    const sent: [Record<string, string>, string][] = [
      [{ authorization: "Bearer sk-other", "x-api-key": key }, ""],
      [{ "x-goog-api-key": key, authorization: "Bearer sk-other" }, ""],
      [{ "api-key": key }, ""],
      [{ authorization: "Bearer sk-other" }, `?key=${key}`],
    ];
    for (const [i, [headers, query]] of sent.entries()) {
      const answer = await fetch(`${world.url}/v1/chat/completions${query}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers, "x-session-id": `beside-${i}` },
        body: JSON.stringify(chat),
      });
      await answer.text();
      expect([i, answer.status]).toEqual([i, 200]);
      expect((await newest(`session=beside-${i}`)).key).toBe(id);
    }
  });

  test("with a key that is wrong, expired or revoked is refused with the client's usual error, and nothing leaves", async () => {
    const expired = await make({ expires_at: "2020-01-01T00:00:00Z" });
    const revoked = await make();
    await world.control("DELETE", `/api/v1/keys/${revoked.id}`);
    const before = world.simulator.calls();
    for (const [key, code] of [
      [expired.key, "KEY_EXPIRED"],
      [revoked.key, "KEY_REVOKED"],
      [`${revoked.key.slice(0, -1)}!`, "KEY_INVALID"],
      [revoked.key.replace("th_prod_", "th_dev_"), "KEY_INVALID"],
    ] as const) {
      const error = await client(key)
        .chat.completions.create(chat)
        .catch((problem: unknown) => problem);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status: 401, code });
    }
    expect(world.simulator.calls()).toBe(before);
  });

  test("with a key that may not call is refused", async () => {
    const { key } = await make({ permissions: ["read", "manage", "record"] });
    const error = await client(key)
      .chat.completions.create(chat)
      .catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "PERMISSION_MISSING" });
  });

  test("of a model that is not on the key's list is refused, whatever its case, and so is one that may fall back to it", async () => {
    const { key } = await make({ models: ["gpt-4o-*", "claude-haiku-*"] });
    expect(await outcome(post(key))).toEqual([200, null]);
    expect(await outcome(post(key, {}, { model: "GPT-4O-mini" }))).not.toEqual([403, "MODEL_NOT_ALLOWED"]);
    const error = await client(key)
      .chat.completions.create({ ...chat, model: "gpt-4o" })
      .catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ code: "MODEL_NOT_ALLOWED", param: "model" });
    const fallbacks = [{ model: "claude-opus-4-5" }];
    const answer = await fetch(`${world.url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key, "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model: "claude-haiku-4-5", max_tokens: 20, messages, fallbacks }),
    });
    expect([answer.status, answer.headers.get("x-tollhouse-reason")]).toEqual([403, "MODEL_NOT_ALLOWED"]);
    await answer.body?.cancel();
  });

  test("in open mode without a key goes on as ever, and with one is the key's", async () => {
    expect(await outcome(post("sk-anything", { "x-tollhouse-team": "free" }, {}, open))).toEqual([200, null]);
    const { id, key } = await make({ fixed: { team: "bound" } }, open);
    const answer = await post(key, { "x-tollhouse-team": "free" }, {}, open);
    await answer.text();
    expect([answer.status, answer.headers.get("x-tollhouse-ignored")]).toEqual([200, "team"]);
    const [second, first] = (await recordedCalls(open)) as (RecordedCall & { key: string | null })[];
    expect([first?.key, first?.dimensions]).toEqual([null, { team: "free" }]);
    expect([second?.key, second?.dimensions]).toEqual([id, { team: "bound" }]);
  });
});

describe("spoofed dimensions", () => {
  test("are ignored and named, whole, streamed and refused; no limit of the victim counts them", async () => {
    const { key } = await make({ fixed: { customer: "acme" }, settable: ["session"] });
    const limit = { scope: "customer:victim", measure: "requests", amount: "100", window: "lifetime", mode: "hard" };
    const { id } = await world.control<LimitAnswer>("POST", "/api/v1/limits", limit);
    const spoof = {
      "x-tollhouse-customer": "victim",
      "x-tollhouse-team": "root",
      "x-user-id": "boss",
      "x-session-id": "s1",
    };
    for (const body of [{}, { stream: true }]) {
      const answer = await post(key, spoof, body);
      await answer.text();
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-tollhouse-ignored")).toBe("user, team, customer");
    }
    const refused = await post(key, spoof, { model: 7 });
    await refused.text();
    expect([refused.status, refused.headers.get("x-tollhouse-ignored")]).toEqual([400, "user, team, customer"]);
    for (const call of await recordedCalls(world, "session=s1"))
      expect(call.dimensions).toEqual({ customer: "acme", session: "s1" });
    expect((await world.control<LimitAnswer>("GET", `/api/v1/limits/${id}`)).state.settled).toBe("0");
  });

  test("a header that may be set is not named, and there is no such header where nothing was ignored", async () => {
    const { key } = await make({ fixed: { team: "a" } });
    const answer = await post(key, { "x-tollhouse-team": "a", "x-tollhouse-agent": "b" });
    await answer.text();
    expect([answer.status, answer.headers.get("x-tollhouse-ignored")]).toEqual([200, null]);
  });
});

describe("rates", () => {
  test("requests beyond the rate are refused with a wait of at most a minute, and other keys do not notice", async () => {
    const [limited, free] = [await make({ requests_per_minute: 3 }), await make({ requests_per_minute: 3 })];
    for (let i = 0; i < 3; i++) expect(await outcome(post(limited.key))).toEqual([200, null]);
    const error = (await client(limited.key)
      .chat.completions.create(chat)
      .catch((problem: unknown) => problem)) as APIError;
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    const wait = Number(error.headers?.get("retry-after"));
    expect(wait).toBeGreaterThan(0);
    // One of three a minute comes back in 20 s, less what passed meanwhile.
    expect(wait).toBeLessThanOrEqual(20);
    expect(await outcome(post(free.key))).toEqual([200, null]);
  });

  test("tokens are held by the estimate while a call runs, and corrected to what it used", async () => {
    const { key } = await make({ tokens_per_minute: 5_000 });
    // Bounded by its 4,000 bytes, though it is a thousand tokens: two do not fit at once, and one after the other do.
    const long = { messages: [{ role: "user", content: "word ".repeat(800) }] };
    const running = post(key, {}, { ...long, ...steered({ output_tokens: 10, delay_ms: 3_000 }) });
    await until("the first call is under way", () => world.tollhouse.gateway.state.inFlight > 0);
    expect(await outcome(post(key, {}, long))).toEqual([429, "RATE_LIMITED"]);
    expect(await outcome(running)).toEqual([200, null]);
    await until(
      "what the first did not use is given back",
      async () => (await outcome(post(key, {}, long)))[0] === 200,
    );
  });

  test("a call that Tollhouse refuses for another reason uses up no tokens", async () => {
    const { key } = await make({ tokens_per_minute: 1_000, models: ["gpt-4o-mini"] });
    for (let i = 0; i < 5; i++)
      expect(await outcome(post(key, {}, { model: "gpt-4o", max_tokens: 900 }))).toEqual([403, "MODEL_NOT_ALLOWED"]);
    expect(await outcome(post(key, {}, { max_tokens: 900, ...steered({ output_tokens: 5 }) }))).toEqual([200, null]);
  });
});

describe("revoking and rotating", () => {
  test("a revoked key's running calls go on to their end, and its next one is refused at once", async () => {
    const { id, key } = await make();
    const stream = await client(key, { "x-session-id": "midflight" }).chat.completions.create({
      ...chat,
      stream: true,
      ...steered({ output_tokens: 60, tokens_per_second: 60 }),
    });
    let words = 0;
    for await (const chunk of stream) {
      if (words++ === 0) {
        await world.control("DELETE", `/api/v1/keys/${id}`);
        expect(await outcome(post(key))).toEqual([401, "KEY_REVOKED"]);
      }
      if (chunk.choices[0]?.finish_reason) break;
    }
    expect(words).toBeGreaterThan(10);
    expect(await newest("session=midflight")).toMatchObject({
      outcome: "settled",
      reason_code: null,
      usage_source: "reported",
    });
  });

  test("both secrets call during the overlap; without one the old is refused at once", async () => {
    const first = await make();
    const second = await world.control<KeyMade>("POST", `/api/v1/keys/${first.id}/rotate`, { overlap_seconds: 3600 });
    expect(Date.parse(second.previous_valid_until ?? "")).toBeGreaterThan(Date.now() + 3_000_000);
    for (const { key } of [first, second]) expect(await outcome(post(key))).toEqual([200, null]);
    const third = await world.control<KeyMade>("POST", `/api/v1/keys/${first.id}/rotate`, { overlap_seconds: 0 });
    expect(await outcome(post(second.key))).toEqual([401, "KEY_EXPIRED"]);
    expect(await outcome(post(first.key))).toEqual([401, "KEY_INVALID"]);
    expect(await outcome(post(third.key))).toEqual([200, null]);
  });
});

describe("environments", () => {
  const limit = { scope: "org", measure: "requests", amount: "1", window: "lifetime", mode: "hard" };

  test("a limit in dev counts dev alone, and prod's are untouched by it", async () => {
    const [staging, prod] = [await make({ environment: "staging" }), await make({ environment: "prod" })];
    expect(staging.key).toMatch(/^th_staging_/);
    const made = await world.control<LimitAnswer>("POST", "/api/v1/limits?environment=staging", limit);
    expect(await outcome(post(prod.key))).toEqual([200, null]);
    expect(await outcome(post(staging.key))).toEqual([200, null]);
    expect(await outcome(post(staging.key))).toEqual([429, "REQUEST_LIMIT_EXCEEDED"]);
    expect(await outcome(post(prod.key))).toEqual([200, null]);
    const path = `/api/v1/limits/${made.id}`;
    expect((await world.control<LimitAnswer>("GET", `${path}?environment=staging`)).state.settled).toBe("1");
    await expect(world.control("GET", path)).rejects.toThrow("404");
    await world.recorded();
    const usage = (query: string): Promise<{ total: { calls: number } }> =>
      world.control("GET", `/api/v1/usage${query}`);
    expect((await usage("?environment=staging")).total.calls).toBe(1);
    expect((await usage("?group_by=environment")).total.calls).toBeGreaterThan((await usage("")).total.calls);
    await expect(usage("?environment=no-such")).resolves.toMatchObject({ total: { calls: 0 } });
    await expect(world.control("POST", "/api/v1/limits?environment=no-such", limit)).rejects.toThrow("expected one of");
  });

  test("a session has its default budget in each environment for itself", async () => {
    const dev = await make({ environment: "dev" }, open);
    const session = { "x-session-id": "same-name" };
    const body = { max_tokens: 100, ...steered({ output_tokens: 100 }) };
    while ((await outcome(post("sk-any", session, body, open)))[0] === 200);
    expect(await outcome(post("sk-any", session, body, open))).toEqual([429, "BUDGET_EXCEEDED"]);
    expect(await outcome(post(dev.key, session, body, open))).toEqual([200, null]);
  });

  test("a limit on a key counts that key alone", async () => {
    const [one, two] = [await make(), await make()];
    await world.control("POST", "/api/v1/limits", { ...limit, scope: `key:${one.id}` });
    expect(await outcome(post(one.key))).toEqual([200, null]);
    expect(await outcome(post(one.key))).toEqual([429, "REQUEST_LIMIT_EXCEEDED"]);
    expect(await outcome(post(two.key))).toEqual([200, null]);
  });
});
