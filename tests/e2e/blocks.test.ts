import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { APIError, PermissionDeniedError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls, steered } from "./side-by-side.ts";

// Kill switches, the blocklist and frozen sessions from outside: who is refused, why, until when, and that nobody else is.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0.000500000" } });
});
afterAll(() => world.stop());

const messages = [{ role: "user" as const, content: "Hi" }];
const chat = { model: "gpt-4o-mini", messages, max_tokens: 50, ...steered({ output_tokens: 50 }) };

interface Stopped {
  readonly id: string;
  readonly scope: string;
  readonly operator: string;
  readonly expires_at: string | null;
  readonly state: string;
  readonly ended_calls?: number;
}

const kill = (scope: string, more: object = {}): Promise<Stopped> =>
  world.control("POST", "/api/v1/kill-switches", { scope, reason: "incident 7", ...more });
const revive = ({ id }: Stopped): Promise<void> => world.control("DELETE", `/api/v1/kill-switches/${id}`);
const block = (scope: string, more: object = {}): Promise<Stopped> =>
  world.control("POST", "/api/v1/blocks", { scope, reason: "abuse", ...more });

interface Asked {
  readonly status: number;
  readonly code: string | null;
  readonly headers: Headers;
  readonly text: string;
}

async function call(dimensions: Record<string, string>, body: unknown = chat): Promise<Asked> {
  const headers = Object.entries(dimensions).map(([name, value]): [string, string] => [`x-tollhouse-${name}`, value]);
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: [["content-type", "application/json"], ...headers],
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return {
    status: answer.status,
    code: answer.headers.get("x-tollhouse-reason"),
    headers: answer.headers,
    text: await answer.text(),
  };
}

const reasonOf = async (dimensions: Record<string, string>, body?: unknown): Promise<string | null> =>
  (await call(dimensions, body)).code;

async function raised(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

test("the official client of each dialect raises 451 after one request, streamed or not, and the provider sees nothing", async () => {
  const made = await kill("service:shop");
  const defaultHeaders = { "x-tollhouse-service": "shop" };
  const before = world.simulator.calls();
  const openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders });
  const anthropic = new Anthropic({ baseURL: world.url, apiKey: "x", defaultHeaders });
  const google = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: world.url, headers: defaultHeaders } });
  const gemini = { model: "gemini-2.5-flash", contents: "Hi" };
  for (const stream of [false, true]) {
    const one = await raised(openai.chat.completions.create({ ...chat, stream }));
    expect(one).toBeInstanceOf(APIError);
    expect(one).toMatchObject({ status: 451, code: "KILL_SWITCH_ACTIVE", type: "permission_error" });
    const two = await raised(anthropic.messages.create({ model: "claude-haiku-4-5", max_tokens: 9, messages, stream }));
    expect(two).toBeInstanceOf(Anthropic.APIError);
    expect(two).toMatchObject({ status: 451 });
    expect((two as Error).message).toContain("A kill switch stops service:shop");
    const three = await raised(
      stream ? google.models.generateContentStream(gemini) : google.models.generateContent(gemini),
    );
    expect(three).toBeInstanceOf(ApiError);
    expect(three).toMatchObject({ status: 451 });
  }
  const models = await raised(openai.models.list().asResponse());
  expect(models).toMatchObject({ status: 451 });
  expect(world.simulator.calls()).toBe(before);
  const refused = (await recordedCalls(world)).filter((entry) => entry.dimensions["service"] === "shop");
  expect(refused.map((entry) => [entry.outcome, entry.reason_code])).toEqual(
    Array.from({ length: 7 }, () => ["blocked", "KILL_SWITCH_ACTIVE"]),
  );
  // Their bodies were not read: the model is not known, and not an empty text.
  expect(refused.map((entry) => entry.model)).toEqual(Array.from({ length: 7 }, () => null));
  // The reason is for operators: it may say what the one who is stopped should not know.
  const answer = await call({ service: "shop" });
  expect(answer.text).not.toContain("incident 7");
  expect([answer.headers.get("x-should-retry"), answer.headers.get("retry-after")]).toEqual(["false", null]);
  await revive(made);
  expect(await call({ service: "shop" })).toMatchObject({ status: 200, code: null });
});

test("every kind of scope stops exactly its own, and nothing that is only alike", async () => {
  const rows: readonly [string, Record<string, string>, Record<string, string>][] = [
    ["org", {}, {}],
    ["provider:openai", {}, {}],
    ["model:gpt-4o-mini", {}, {}],
    ["service:a", { service: "a" }, { service: "A" }],
    ["agent:a%", { agent: "a%" }, { agent: "ab" }],
    ["user:a_c", { user: "a_c" }, { user: "abc" }],
    ["feature:a.*", { feature: "a.*" }, { feature: "a.b" }],
    ["customer:a", { customer: "a" }, { user: "a" }],
  ];
  for (const [scope, hit, alike] of rows) {
    const made = await kill(scope);
    expect(await reasonOf(hit), scope).toBe("KILL_SWITCH_ACTIVE");
    if (Object.keys(alike).length > 0) expect(await reasonOf(alike), scope).toBeNull();
    await revive(made);
    expect(await reasonOf(hit), scope).toBeNull();
  }
  const other = await kill("model:gpt-4o");
  expect(await reasonOf({})).toBeNull();
  // A fallback is no way around it.
  expect(await reasonOf({}, { ...chat, models: ["gpt-4o-mini", "gpt-4o"] })).toBe("KILL_SWITCH_ACTIVE");
  await revive(other);
  const anthropic = await kill("provider:anthropic");
  expect(await reasonOf({})).toBeNull();
  await revive(anthropic);
});

test("the first rule in the fixed order is the reason: kill switch, blocklist, frozen session, budget", async () => {
  const all = { user: "order", session: "order", agent: "order" };
  const broke = { scope: "session:order", measure: "usd", amount: "0.000001", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", broke);
  expect(await reasonOf(all)).toBe("BUDGET_EXCEEDED");
  await world.control("POST", "/api/v1/sessions/order/freeze", { reason: "odd" });
  expect(await reasonOf(all)).toBe("SESSION_FROZEN");
  await block("user:order");
  expect(await reasonOf(all)).toBe("USER_BLOCKED");
  // Also where it takes the body to know: a model comes before a user.
  const model = await kill("model:gpt-4o-mini");
  expect(await reasonOf(all)).toBe("KILL_SWITCH_ACTIVE");
  await revive(model);
  const agent = await kill("agent:order");
  expect(await reasonOf(all)).toBe("KILL_SWITCH_ACTIVE");
  // Whoever is stopped by name is stopped before the body is looked at.
  expect(await reasonOf(all, "{ not json")).toBe("KILL_SWITCH_ACTIVE");
  await revive(agent);
  expect(await reasonOf(all, "{ not json")).toBe("USER_BLOCKED");
});

test("a blocked user and a frozen session raise PermissionDeniedError; near its end the block says when to come back", async () => {
  const client = (user: string): OpenAI =>
    new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: { "x-tollhouse-user": user } });
  await block("user:soon", { expires_in: 50 });
  await block("user:later", { expires_in: 3_600 });
  for (const user of ["soon", "later"]) {
    const error = await raised(client(user).chat.completions.create(chat));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "USER_BLOCKED" });
    expect((error as Error).message).toMatch(/user:\w+ is blocked until 20\d\d-/);
  }
  const soon = await call({ user: "soon" });
  expect(Number(soon.headers.get("retry-after"))).toBeGreaterThan(20);
  expect(Number(soon.headers.get("retry-after"))).toBeLessThanOrEqual(50);
  const later = await call({ user: "later" });
  expect([later.headers.get("retry-after"), later.headers.get("x-should-retry")]).toEqual([null, "false"]);
});

test("an expired block stops nobody, without anybody doing anything, and is listed as expired", async () => {
  const made = await block("customer:brief", { expires_in: 1 });
  expect([made.state, made.operator]).toEqual(["active", "admin-key"]);
  expect(await reasonOf({ customer: "brief" })).toBe("USER_BLOCKED");
  const deadline = performance.now() + 10_000;
  while ((await reasonOf({ customer: "brief" })) !== null) expect(performance.now()).toBeLessThan(deadline);
  const { blocks } = await world.control<{ blocks: Stopped[] }>("GET", "/api/v1/blocks");
  expect(blocks.find(({ id }) => id === made.id)?.state).toBe("expired");
});

test("the preview counts the calls of the last hour and changes nothing", async () => {
  for (let i = 0; i < 3; i++) expect((await call({ agent: "seen", user: "viewer" })).status).toBe(200);
  await world.recorded();
  for (const scope of ["agent:seen", "user:viewer"])
    expect(await world.control("POST", "/api/v1/kill-switches/preview", { scope })).toEqual({
      scope,
      calls_last_hour: 3,
      running_calls: 0,
      running: [],
    });
  expect(await reasonOf({ agent: "seen" })).toBeNull();
});

interface Problem {
  readonly status: number;
  readonly detail: string;
}

async function problem(method: string, path: string, body?: unknown, key = TEST_ADMIN_KEY): Promise<Problem> {
  const answer = await fetch(world.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, detail: ((await answer.json()) as { detail: string }).detail };
}

test("what cannot be stopped is refused by name, and so are unknown fields and times that are over", async () => {
  const rows: readonly [string, object, string][] = [
    ["kill-switches", { scope: "session:a", reason: "x" }, "scope: expected one of org, provider:<value>"],
    ["kill-switches", { scope: "team:a", reason: "x" }, "scope: expected one of org"],
    ["kill-switches", { scope: "modell:a", reason: "x" }, "scope: expected one of org"],
    ["kill-switches", { scope: "org:", reason: "x" }, "scope: expected one of org"],
    ["blocks", { scope: "agent:a", reason: "x" }, "scope: expected one of user:<value>, customer:<value>, key:<value>"],
    ["blocks", { scope: "user:a" }, "reason: expected a text that says why"],
    ["blocks", { scope: "user:a", reason: "x", until: "noon" }, "until: unknown field"],
    ["blocks", { scope: "user:a", reason: "x", expires_in: 0 }, "expires_in: expected 1 second or more"],
    [
      "blocks",
      { scope: "user:a", reason: "x", expires_at: "2020-01-01T00:00:00Z" },
      "expires_at: expected a time in the future",
    ],
    [
      "blocks",
      { scope: "user:a", reason: "x", expires_in: 5, expires_at: "2099-01-01T00:00:00Z" },
      "expires_at: expected either",
    ],
  ];
  for (const [path, body, detail] of rows) {
    const answer = await problem("POST", `/api/v1/${path}`, body);
    expect(answer.status, JSON.stringify(body)).toBe(400);
    expect(answer.detail).toContain(detail);
  }
  expect(await problem("DELETE", "/api/v1/kill-switches/kill_none")).toEqual({
    status: 404,
    detail: "There is no kill switch kill_none",
  });
  const made = await block("user:kept");
  // One kind's door does not lift the other kind.
  expect((await problem("DELETE", `/api/v1/kill-switches/${made.id}`)).status).toBe(404);
  expect(await reasonOf({ user: "kept" })).toBe("USER_BLOCKED");
  for (const method of ["POST", "DELETE"]) {
    const path = method === "POST" ? "/api/v1/blocks" : `/api/v1/blocks/${made.id}`;
    expect((await problem(method, path, method === "POST" ? {} : undefined, "wrong")).status).toBe(401);
  }
});

test("each activation and deactivation is a ledger entry with who, before and after; a user is not named in it", async () => {
  const made = await block("user:carla@example.test");
  await world.control("DELETE", `/api/v1/blocks/${made.id}`);
  await revive(await kill("agent:audited"));
  await world.recorded();
  const { rows } = await world.database.db.query<{ body: Buffer }>(
    "SELECT body FROM ledger_entries WHERE type = 7 ORDER BY sequence",
  );
  const entries = rows.map(({ body }) => body.toString("latin1"));
  for (const action of ["block.create", "block.delete"])
    expect(entries.filter((entry) => entry.includes(action) && entry.includes(made.id))).toHaveLength(1);
  for (const action of ["kill_switch.activate", "kill_switch.deactivate"])
    expect(entries.filter((entry) => entry.includes(action) && entry.includes("agent:audited"))).toHaveLength(1);
  expect(entries.filter((entry) => entry.includes("carla"))).toEqual([]);
  const verified = await world.control<{ result: string }>("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" });
  expect(verified.result).toBe("PASS");
});

interface MadeKey {
  readonly id: string;
  readonly key: string;
}

const makeKey = (name: string, environment: string, permissions: string[]): Promise<MadeKey> =>
  world.control("POST", "/api/v1/keys", { name, environment, permissions });

async function reasonFor(key: MadeKey): Promise<string | null> {
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key.key}` },
    body: JSON.stringify(chat),
  });
  await answer.text();
  return answer.headers.get("x-tollhouse-reason");
}

test("a key is stopped by its id, by a block as by a kill switch, and the key beside it is not", async () => {
  const one = await makeKey("one", "prod", ["call"]);
  const other = await makeKey("other", "prod", ["call"]);
  const blocked = await block(`key:${one.id}`);
  expect([await reasonFor(one), await reasonFor(other)]).toEqual(["USER_BLOCKED", null]);
  const killed = await kill(`key:${one.id}`);
  expect([await reasonFor(one), await reasonFor(other)]).toEqual(["KILL_SWITCH_ACTIVE", null]);
  await revive(killed);
  await world.control("DELETE", `/api/v1/blocks/${blocked.id}`);
  expect(await reasonFor(one)).toBeNull();
});

test("who may activate may deactivate, in their own environment only, and a stop reaches no other environment", async () => {
  const manage = await makeKey("on call", "dev", ["read", "manage"]);
  const read = await makeKey("looks", "dev", ["read"]);
  const caller = await makeKey("calls", "dev", ["call"]);
  const body = { scope: "org", reason: "drill" };
  expect((await problem("POST", "/api/v1/kill-switches", body, read.key)).status).toBe(403);
  const answer = await fetch(`${world.url}/api/v1/kill-switches`, {
    method: "POST",
    headers: { authorization: `Bearer ${manage.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const made = (await answer.json()) as Stopped;
  expect([answer.status, made.operator]).toEqual([201, manage.id]);
  expect([await reasonFor(caller), await reasonOf({})]).toEqual(["KILL_SWITCH_ACTIVE", null]);
  const path = `/api/v1/kill-switches/${made.id}`;
  expect((await problem("DELETE", path, undefined, read.key)).status).toBe(403);
  expect((await problem("DELETE", `${path}?environment=prod`, undefined, manage.key)).status).toBe(403);
  expect((await problem("DELETE", path)).status).toBe(404);
  const headers = { authorization: `Bearer ${manage.key}` };
  expect((await fetch(world.url + path, { method: "DELETE", headers })).status).toBe(204);
  expect(await reasonFor(caller)).toBeNull();
});
