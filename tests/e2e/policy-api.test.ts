import { afterAll, beforeAll, expect, test } from "vitest";
import { loadSettings, startTollhouse } from "@tollhouse/server";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Policies and plans by the control API: versions, nonsense refused by name, lost updates, what the ledger may not know.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: Record<string, unknown>;
}

async function ask(method: string, path: string, body?: object, headers: object = {}): Promise<Answer> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, etag: response.headers.get("etag"), body: parsed };
}

const POLICIES = "/api/v1/policies";
const DOCUMENT = { name: "p", attach: { feature: "f" }, priority: 0, mode: "enforce" };
const refusedFor = (field: string): object => ({
  status: 400,
  body: { errors: expect.arrayContaining([expect.objectContaining({ field })]) },
});

test("a policy is made, read, changed, listed and deleted; every version stays", async () => {
  const made = await ask("POST", POLICIES, { ...DOCUMENT, caps: { cost: "1" } });
  const path = `${POLICIES}/${String(made.body["id"])}`;
  expect(made).toMatchObject({ status: 201, etag: '"1"', body: { version: 1, caps: { cost: "1" } } });
  expect(await ask("GET", path)).toEqual({ ...made, status: 200 });
  expect(await ask("PUT", path, { ...DOCUMENT, name: "q" }, { "if-match": '"1"' })).toMatchObject({
    status: 200,
    etag: '"2"',
    body: { version: 2, name: "q" },
  });
  // The whole document is new: what it does not say is not set any more.
  expect((await ask("GET", path)).body["caps"]).toBeUndefined();
  expect((await ask("PUT", path, DOCUMENT, { "if-match": '"1"' })).status).toBe(412);
  expect((await ask("DELETE", path, undefined, { "if-match": '"1"' })).status).toBe(412);
  expect((await ask("DELETE", path)).status).toBe(204);
  expect((await ask("GET", path)).status).toBe(404);
  expect((await ask("PUT", path, DOCUMENT)).status).toBe(404);
  const all: unknown[] = [];
  let cursor: unknown = "";
  for (; cursor !== null;) {
    const page = (
      await ask(
        "GET",
        `${path}/versions?limit=2${cursor === "" ? "" : `&cursor=${JSON.stringify(cursor).replaceAll('"', "")}`}`,
      )
    ).body;
    all.push(...(page["versions"] as object[]));
    cursor = page["next_cursor"];
  }
  expect(all).toMatchObject([
    { version: 3, policy: null },
    { version: 2, policy: { name: "q", version: 2 } },
    { version: 1, policy: { name: "p", version: 1, caps: { cost: "1" } } },
  ]);
});

test("pages hold every policy once", async () => {
  const ids: unknown[] = [];
  for (let i = 0; i < 5; i++) ids.push((await ask("POST", POLICIES, DOCUMENT)).body["id"]);
  const seen: unknown[] = [];
  let cursor: unknown = "";
  for (; cursor !== null;) {
    const page = (
      await ask(
        "GET",
        `${POLICIES}?limit=2${cursor === "" ? "" : `&cursor=${JSON.stringify(cursor).replaceAll('"', "")}`}`,
      )
    ).body;
    seen.push(...(page["policies"] as { id: string }[]).map(({ id }) => id));
    cursor = page["next_cursor"];
  }
  expect(seen).toHaveLength(5);
  expect(new Set(seen)).toEqual(new Set(ids));
  for (const id of ids) await ask("DELETE", `${POLICIES}/${String(id)}`);
});

test.each<[string, object]>([
  ["surplus", { surplus: 1 }],
  ["name", { name: "" }],
  ["attach", { attach: "everybody" }],
  ["attach.plan", { attach: { plan: "no-such-plan" } }],
  ["models.deny", { models: { deny: ["gpt-{4o"] } }],
  ["endpoints.allow", { endpoints: { allow: ["chatting"] } }],
  ["caps.cost", { caps: { cost: "1.2.3" } }],
  ["limits.0.amount", { limits: [{ measure: "tokens", amount: "1.5", window: "day", mode: "hard" }] }],
  ["limits.0.scope", { attach: "default", limits: [{ measure: "usd", amount: "1", window: "day", mode: "hard" }] }],
  ["when", { when: "user.matches('a+')" }],
  ["when", { when: "estimated_cost" }],
  ["on_exceed.model", { on_exceed: { action: "downgrade" } }],
])("nonsense is refused by the name of its field: %s %j", async (field, part) => {
  const answer = await ask("POST", POLICIES, { ...DOCUMENT, ...part });
  expect(answer).toMatchObject(refusedFor(field));
});

test("at most 64 policies are attached to the same", async () => {
  const attach = { feature: "crowded" };
  const ids: unknown[] = [];
  for (let i = 0; i < 64; i++) ids.push((await ask("POST", POLICIES, { ...DOCUMENT, attach })).body["id"]);
  expect(await ask("POST", POLICIES, { ...DOCUMENT, attach })).toMatchObject(refusedFor("attach"));
  const other = await ask("POST", POLICIES, DOCUMENT);
  const moved = await ask("PUT", `${POLICIES}/${String(other.body["id"])}`, { ...DOCUMENT, attach });
  expect(moved).toMatchObject(refusedFor("attach"));
  for (const id of [...ids, other.body["id"]]) await ask("DELETE", `${POLICIES}/${String(id)}`);
});

test("a plan in use cannot go, and nobody is put on one that is not there", async () => {
  const path = "/api/v1/plans/team";
  expect(await ask("PUT", path, { description: "a" })).toMatchObject({
    status: 200,
    etag: '"1"',
    body: { version: 1 },
  });
  expect(await ask("PUT", path, { description: "b" }, { "if-match": '"7"' })).toMatchObject({ status: 412 });
  expect(await ask("PUT", "/api/v1/users/una/plan", { plan: "none" })).toMatchObject(refusedFor("plan"));
  expect((await ask("GET", "/api/v1/users/una/plan")).status).toBe(404);
  expect(await ask("PUT", "/api/v1/users/una/plan", { plan: "team" })).toMatchObject({ body: { plan: "team" } });
  expect(await ask("GET", "/api/v1/users/una/plan")).toMatchObject({ body: { plan: "team" } });
  expect((await ask("DELETE", path)).status).toBe(400);
  expect((await ask("DELETE", "/api/v1/users/una/plan")).status).toBe(204);
  expect((await ask("DELETE", "/api/v1/users/una/plan")).status).toBe(404);
  const attached = await ask("POST", POLICIES, { ...DOCUMENT, attach: { plan: "team" } });
  expect((await ask("DELETE", path)).status).toBe(400);
  await ask("DELETE", `${POLICIES}/${String(attached.body["id"])}`);
  expect((await ask("DELETE", path)).status).toBe(204);
  expect((await ask("GET", path)).status).toBe(404);
});

test("the ledger has each change, and no user's name", async () => {
  const secret = "una-maria-1987";
  await ask("PUT", "/api/v1/plans/vip", {});
  await ask("PUT", `/api/v1/users/${secret}/plan`, { plan: "vip" });
  const rules = { limits: [{ measure: "usd", amount: "1", window: "day", mode: "hard" }], when: `user == "${secret}"` };
  const { body } = await ask("POST", POLICIES, { ...DOCUMENT, attach: { user: secret }, ...rules });
  await ask("PUT", `${POLICIES}/${String(body["id"])}`, { ...DOCUMENT, attach: { user: secret } });
  await ask("DELETE", `${POLICIES}/${String(body["id"])}`);
  await ask("DELETE", `/api/v1/users/${secret}/plan`);
  await world.recorded();
  const audit = (await ask("GET", "/api/v1/audit?limit=100")).body;
  const actions = JSON.stringify(audit);
  for (const action of ["plan.set", "plan.assign", "policy.create", "policy.update", "policy.delete", "plan.unassign"])
    expect(actions).toContain(`"${action}"`);
  expect(actions).not.toContain(secret);
  const { rows } = await world.database.db.query<{ body: Buffer }>("SELECT body FROM ledger_entries");
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.some((row) => row.body.includes(secret))).toBe(false);
});

test("policies, plans and what was spent under them outlive a restart; one that cannot be read stops the start by its id", async () => {
  const own = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
  const dataDir = own.tollhouse.gateway.spool.dir.replace(/spool$/, "");
  const settings = loadSettings({
    env: {
      TOLLHOUSE_PORT: "0",
      TOLLHOUSE_DATA_DIR: dataDir,
      TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
      TOLLHOUSE_MASTER_KEY: "11".repeat(32),
      DATABASE_URL: own.database.url,
      OPENAI_API_KEY: "sk",
      OPENAI_BASE_URL: `${own.simulator.url}/v1`,
      DEFAULT_BUDGET: "0",
      LOG_LEVEL: "error",
    },
    argv: [],
    yamlText: null,
    cwd: dataDir,
  });
  await own.control("PUT", "/api/v1/plans/one", {});
  await own.control("PUT", "/api/v1/users/rita/plan", { plan: "one" });
  const limits = [{ measure: "requests", amount: "2", window: "day", mode: "hard" }];
  const made = await own.control<{ id: string }>("POST", POLICIES, { ...DOCUMENT, attach: { plan: "one" }, limits });
  const call = async (url: string): Promise<string | null> => {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-tollhouse-user": "rita" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 16 }),
    });
    await answer.text();
    return answer.headers.get("x-tollhouse-reason");
  };
  expect(await call(own.url)).toBeNull();
  await own.tollhouse.stop();
  const again = await startTollhouse(settings);
  expect([await call(again.address), await call(again.address)]).toEqual([null, "REQUEST_LIMIT_EXCEEDED"]);
  await again.stop();
  const broken = JSON.stringify({ ...DOCUMENT, models: { deny: ["{"] } });
  await own.database.db.query("UPDATE policies SET document = $1 WHERE id = $2", [broken, made.id]);
  await expect(startTollhouse(settings)).rejects.toThrow(new RegExp(`${made.id}.*models\\.deny`));
  await own.stop();
});
