import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvironmentAnswer, KeyMade, LimitAnswer, TenantAnswer } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Tenants of an installation: made while it runs, each with its own keys, limits and ledger; and nothing new for who has only one.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

async function asked(
  method: string,
  path: string,
  body?: unknown,
  key = TEST_ADMIN_KEY,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

function keyOf(tenant: string, over: object = {}): Promise<KeyMade> {
  return world.control<KeyMade>("POST", `/api/v1/keys?tenant=${tenant}`, { name: "test", ...over });
}

async function call(key: string, session = "s"): Promise<number> {
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: key, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Hi" }];
  return client.chat.completions
    .create({ model: "gpt-4o-mini", messages, max_tokens: 20 }, { headers: { "x-session-id": session } })
    .then(
      () => 200,
      (error: { status: number }) => error.status,
    );
}

test("without another one there is the tenant `default`, and nobody need name it", async () => {
  const { tenants } = await world.control<{ tenants: TenantAnswer[] }>("GET", "/api/v1/tenants");
  expect(tenants).toMatchObject([{ name: "default", environments: ["dev", "prod", "staging"] }]);
  const without = await asked("GET", "/api/v1/usage");
  expect((await asked("GET", "/api/v1/usage?tenant=default")).answer).toEqual(without.answer);
  expect((await fetch(`${world.url}/metrics`)).status).toBe(200);
});

describe("a tenant that is made", () => {
  let made: TenantAnswer;
  test("has three environments, no key and no limit, and is in force at once", async () => {
    made = await world.control<TenantAnswer>("POST", "/api/v1/tenants", { name: "acme" });
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      name: "acme",
      environments: ["dev", "prod", "staging"],
      created_at: expect.any(String) as string,
    });
    expect(await world.control("GET", "/api/v1/tenants/acme")).toEqual(made);
    const { keys } = await world.control<{ keys: unknown[] }>("GET", "/api/v1/keys?tenant=acme");
    const { limits } = await world.control<{ limits: unknown[] }>("GET", "/api/v1/limits?tenant=acme");
    expect([keys, limits]).toEqual([[], []]);
    expect(await call((await keyOf("acme")).key)).toBe(200);
  });

  test("spends on its own limits and is reported in its own ledger, sequences from one", async () => {
    const scope = { scope: "org", measure: "requests", amount: "2", window: "lifetime", mode: "hard" };
    const limit = await world.control<LimitAnswer>("POST", "/api/v1/limits?tenant=acme", scope);
    const own = await keyOf("default");
    const acme = await keyOf("acme");
    // One was made before: the limit counts it.
    expect([await call(acme.key), await call(acme.key), await call(own.key)]).toEqual([200, 429, 200]);
    await world.recorded();
    const page = await world.control<{ calls: { sequence: number }[] }>("GET", "/api/v1/calls?tenant=acme");
    expect(page.calls).toHaveLength(3);
    expect((await asked("GET", `/api/v1/limits/${limit.id}`)).status).toBe(404);
    const verified = await asked("POST", "/api/v1/ledger/verify?tenant=acme", { from: 1, to: "latest" });
    expect(verified.answer).toMatchObject({ result: "PASS" });
    const first = await world.database.db.query<{ type: number }>(
      "SELECT type FROM ledger_entries WHERE tenant = $1 AND sequence = 1",
      [made.id],
    );
    expect(first.rows).toEqual([{ type: 1 }]);
    await world.control("DELETE", `/api/v1/limits/${limit.id}?tenant=acme`);
  });

  test("is told of in the audit of the default tenant, and in no key's sight there", async () => {
    await world.recorded();
    const audit = await world.control<{ changes: object[] }>("GET", "/api/v1/audit?action=tenant.create");
    expect(audit.changes).toMatchObject([{ actor: "admin-key", subject: "acme", environment: null, after: made }]);
    const reader = await keyOf("default", { permissions: ["read"] });
    const seen = await asked("GET", "/api/v1/audit?action=tenant.create", undefined, reader.key);
    expect(seen.answer["changes"]).toEqual([]);
  });

  test("gets another environment, in force at once, and audited in its own chain", async () => {
    const path = "/api/v1/environments?tenant=acme";
    const evals = await world.control<EnvironmentAnswer>("POST", path, { name: "evals" });
    expect(evals).toEqual({ name: "evals", created_at: expect.any(String) as string });
    const { environments } = await world.control<{ environments: EnvironmentAnswer[] }>("GET", path);
    expect(environments.map(({ name }) => name)).toEqual(["dev", "evals", "prod", "staging"]);
    const { key } = await keyOf("acme", { environment: "evals", permissions: ["call", "read"] });
    expect(await call(key)).toBe(200);
    expect((await asked("GET", "/api/v1/environments", undefined, key)).answer).toEqual({ environments: [evals] });
    expect((await asked("POST", "/api/v1/keys", { name: "x", environment: "evals" })).answer).toMatchObject({
      reason_code: "REQUEST_INVALID",
    });
    const stop = { scope: "service:none", reason: "test" };
    const everywhere = await world.control("POST", "/api/v1/kill-switches/everywhere?tenant=acme", stop);
    expect(JSON.stringify(everywhere)).toContain('"evals"');
    await world.recorded();
    const audit = await world.control<{ changes: object[] }>("GET", "/api/v1/audit?tenant=acme&environment=evals");
    expect(audit.changes).toContainEqual(
      expect.objectContaining({ action: "environment.create", subject: "evals", actor: "admin-key" }),
    );
  });

  test("makes the metrics, which are sums over all, the admin's", async () => {
    expect((await fetch(`${world.url}/metrics`)).status).toBe(401);
    const { key } = await keyOf("acme", { permissions: ["read", "manage"] });
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${world.url}/metrics`, { headers })).status).toBe(401);
    const admin = await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
    expect([admin.status, await admin.text()]).toEqual([200, expect.stringContaining("tollhouse_calls_total")]);
  });
});

describe("refused by name", () => {
  test.each([
    ["POST", "/api/v1/tenants", { name: "acme" }, 409, "ALREADY_EXISTS"],
    ["POST", "/api/v1/tenants", { name: "Acme Inc." }, 400, "name: expected"],
    ["POST", "/api/v1/tenants", { name: "x", plan: "pro" }, 400, "plan: unknown field"],
    ["POST", "/api/v1/tenants", {}, 400, "name: expected"],
    ["POST", "/api/v1/tenants?tenant=acme", { name: "x" }, 400, "tenant: unknown field"],
    ["GET", "/api/v1/tenants/nobody", undefined, 404, "There is no tenant nobody"],
    ["GET", "/api/v1/limits?tenant=nobody", undefined, 404, "There is no tenant nobody"],
    ["GET", "/api/v1/limits?tenant=", undefined, 400, "tenant: expected"],
    ["GET", "/api/v1/limits?tenant=acme&tenant=default", undefined, 400, "tenant: expected"],
    ["POST", "/api/v1/environments?tenant=acme", { name: "prod" }, 409, "ALREADY_EXISTS"],
    ["POST", "/api/v1/environments", { name: "Prod" }, 400, "name: expected"],
  ] as const)("%s %s %o", async (method, path, body, status, said) => {
    const { status: got, answer } = await asked(method, path, body);
    expect([got, JSON.stringify(answer)]).toEqual([status, expect.stringContaining(said)]);
  });

  test("of two that are made at once under one name, one is", async () => {
    const both = await Promise.all([1, 2].map(() => asked("POST", "/api/v1/tenants", { name: "twin" })));
    expect(both.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 409]);
  });
});

test("pages of tenants follow each other, and end", async () => {
  const names: string[] = [];
  for (let cursor = ""; ;) {
    const page = await world.control<{ tenants: TenantAnswer[]; next_cursor: string | null }>(
      "GET",
      `/api/v1/tenants?limit=1${cursor}`,
    );
    names.push(...page.tenants.map(({ name }) => name));
    if (page.next_cursor === null) break;
    cursor = `&cursor=${page.next_cursor}`;
  }
  expect(names).toEqual(["acme", "default", "twin"]);
});
