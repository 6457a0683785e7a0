import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// What is left of a user once they are erased: searched for in every column of every table, and in the files of the spool.

const ALICE = "alice.canary-7f3e@example.com";
const BOB = "bob.canary-5a1c@example.com";

interface Erased {
  readonly erased: boolean;
  readonly sequence: number | null;
  readonly removed: readonly { readonly kind: string; readonly environment: string }[];
  readonly remains: readonly string[];
}
interface Refusal {
  readonly reason_code: string;
  readonly errors: readonly { readonly field: string; readonly problem: string }[];
}

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "open" } });
});
afterAll(() => world.stop());

async function call(user: string, headers: Record<string, string> = {}, more: object = {}): Promise<Response> {
  return fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-tollhouse-session": "run-1",
      "x-tollhouse-user": user,
      ...headers,
    },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 50,
      ...more,
    }),
  });
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === "" ? null : JSON.parse(text)) as T };
}

const erase = (user: string, query = ""): Promise<{ status: number; body: Erased & Refusal }> =>
  ask("DELETE", `/api/v1/users/${encodeURIComponent(user)}${query}`);

/** Every table's columns that hold the text, as text or as bytes. */
async function columnsWith(text: string): Promise<string[]> {
  const { db } = world.database;
  const { rows: columns } = await db.query<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'character varying')`,
  );
  expect(columns.length).toBeGreaterThan(60);
  const found: string[] = [];
  for (const { table_name: table, column_name: column, data_type: type } of columns) {
    const test = type === "bytea" ? `position($1::bytea IN "${column}") > 0` : `position($1 IN "${column}"::text) > 0`;
    const value = type === "bytea" ? Buffer.from(text) : text;
    const { rows } = await db.query(`SELECT FROM "${table}" WHERE ${test} LIMIT 1`, [value]);
    if (rows.length > 0) found.push(`${table}.${column}`);
  }
  return found.sort();
}

function isInSpool(text: string): boolean {
  const folder = join(world.dataDir, "spool");
  return readdirSync(folder).some((file) => readFileSync(join(folder, file)).includes(text));
}

async function pseudonymsOf(session: string): Promise<string[]> {
  await world.recorded();
  const { rows } = await world.database.db.query<{ user: string }>(
    "SELECT DISTINCT encode(user_pseudonym, 'hex') AS user FROM ledger_entries WHERE session = $1",
    [session],
  );
  return rows.map(({ user }) => user);
}

/** All that can name a user: limits, policies, blocks, keys and a plan, some of the past, a stored text, an open call's intent. */
async function name(user: string): Promise<void> {
  const scope = `user:${user}`;
  const limit = { scope, measure: "usd", amount: "5.00", window: "day", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const past = await world.control<{ id: string }>("POST", "/api/v1/limits", { ...limit, window: "month" });
  await world.control("PUT", `/api/v1/limits/${past.id}`, { amount: "6.00" });
  await world.control("DELETE", `/api/v1/limits/${past.id}`);
  const each = { priority: 0, mode: "enforce" };
  const policy = { ...each, name: "of one user", attach: { user }, caps: { output_tokens: 1000 } };
  const kept = await world.control<{ id: string }>("POST", "/api/v1/policies", policy);
  await world.control("PUT", `/api/v1/policies/${kept.id}`, { ...policy, caps: { output_tokens: 2000 } });
  const other = await world.control<{ id: string }>("POST", "/api/v1/policies", {
    ...each,
    name: "of a condition",
    attach: "default",
    caps: { output_tokens: 3000 },
    when: `user == ${JSON.stringify(user)}`,
  });
  await world.control("PUT", `/api/v1/policies/${other.id}`, {
    ...each,
    name: "of nobody",
    attach: "default",
    caps: { output_tokens: 3000 },
  });
  const key = { name: "a laptop", fixed: { user } };
  await world.control("POST", "/api/v1/keys", key);
  const revoked = await world.control<{ id: string }>("POST", "/api/v1/keys", key);
  await world.control("DELETE", `/api/v1/keys/${revoked.id}`);
  await world.control("PUT", "/api/v1/plans/free", { description: "for those who try" });
  await world.control("PUT", `/api/v1/users/${encodeURIComponent(user)}/plan`, { plan: "free" });
  const block = { scope, reason: "asked too much" };
  const lifted = await world.control<{ id: string }>("POST", "/api/v1/blocks", block);
  await world.control("DELETE", `/api/v1/blocks/${lifted.id}`);
  await world.control("POST", "/api/v1/blocks?environment=dev", block);
  await world.control("PUT", "/api/v1/payload-logging", { enabled: true });
  const logged = await fetch(`${world.url}/sdk/log`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": "run-1", "x-tollhouse-user": user },
    body: JSON.stringify({
      provider: "openai",
      model: "gpt-4o-mini",
      request: `I am ${user}`,
      response: "Hello",
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    }),
  });
  expect([logged.status, await logged.text()]).toEqual([200, expect.any(String)]);
}

const payloads = async (): Promise<number> => (await world.database.db.query("SELECT FROM payloads")).rows.length;

test("configuration that names the user refuses the erasure, is listed, and stays as it was", async () => {
  await name(ALICE);
  await name(BOB);
  await (await call(ALICE)).text();
  await (await call(BOB)).text();
  await world.recorded();
  const before = await columnsWith(ALICE);
  expect(before).toEqual([
    "api_keys.rules",
    "blocks.scope",
    "limit_versions.scope",
    "limits.scope",
    "plan_assignments.value",
    "policies.document",
    "policy_versions.document",
    "users.readable",
  ]);
  const { status, body } = await erase(ALICE);
  expect([status, body.reason_code]).toEqual([409, "USER_IN_USE"]);
  expect(body.errors.map(({ field }) => field).sort()).toEqual([
    "blocklist",
    "key",
    "limit",
    "plan_assignment",
    "policy",
  ]);
  expect(body.errors.find(({ field }) => field === "blocklist")?.problem).toMatch(/^blk_\w+ in dev$/);
  expect(await columnsWith(ALICE)).toEqual(before);
});

test("while a call of the user runs nothing is erased; another's call is in nobody's way", async () => {
  const running = await call("carol", {}, { stream: true, simulator: { output_tokens: 40, tokens_per_second: 20 } });
  const refused = await erase("carol", "?configuration=remove");
  const another = await erase("somebody else");
  await running.text();
  expect([refused.status, refused.body.reason_code]).toEqual([409, "USER_IN_USE"]);
  expect(refused.body.errors[0]).toEqual({ field: "calls", problem: "1 running" });
  expect([another.status, another.body.erased]).toEqual([200, false]);
});

test("nothing of an erased user is in any column of any table, or in the spool; everybody else is as before", async () => {
  const others = await columnsWith(BOB);
  const [alice] = (await pseudonymsOf("run-1")).length === 0 ? [] : await pseudonymsOfReadable(ALICE);
  const stored = await payloads();
  const { status, body } = await erase(ALICE, "?configuration=remove");
  expect([status, body.erased]).toEqual([200, true]);
  expect(body.removed.map(({ kind }) => kind).sort()).toEqual([
    "blocklist",
    "key",
    "limit",
    "plan_assignment",
    "policy",
  ]);
  expect(body.remains.length).toBeGreaterThan(3);
  expect(await columnsWith(ALICE)).toEqual([]);
  expect(await columnsWith(BOB)).toEqual(others);
  expect(await payloads()).toBe(stored - 1);
  for (const until = Date.now() + 20_000; isInSpool(ALICE) && Date.now() < until;) await after(100);
  expect(isInSpool(ALICE)).toBe(false);
  // The entries are there, under a pseudonym that nothing leads to.
  expect(await pseudonymsOf("run-1")).toContain(alice);
  for (const path of ["/api/v1/keys?limit=100", "/api/v1/policies", "/api/v1/limits", "/api/v1/audit?limit=100"])
    expect(JSON.stringify((await ask("GET", path)).body)).not.toContain(ALICE);
});

test("the erasure is an entry that names nobody, the audit lists it, and the chain verifies", async () => {
  const { body } = await ask<{ changes: { action: string; actor: string; subject: string; before: unknown }[] }>(
    "GET",
    "/api/v1/audit?action=user.erase",
  );
  expect(body.changes).toMatchObject([
    { action: "user.erase", actor: "admin-key", subject: "user", before: null, after: null },
  ]);
  const verified = await world.control<{ result: string }>("POST", "/api/v1/ledger/verify", {});
  expect(verified.result).toBe("PASS");
});

test("erased twice, nothing changes and there is no second entry", async () => {
  const again = await erase(ALICE, "?configuration=remove");
  expect([again.status, again.body]).toMatchObject([200, { erased: false, sequence: null, removed: [] }]);
});

test("a later call of the same id is a stranger's, with a pseudonym of its own", async () => {
  const before = await pseudonymsOf("run-1");
  await (await call(ALICE, { "x-tollhouse-session": "run-2" })).text();
  const [stranger] = await pseudonymsOf("run-2");
  expect(stranger).toMatch(/^[0-9a-f]{64}$/);
  expect(before).not.toContain(stranger);
  expect((await erase(ALICE)).body.erased).toBe(true);
  expect(await columnsWith(ALICE)).toEqual([]);
});

test("a policy of others whose condition names the user is never removed with them", async () => {
  await (await call("o'dave")).text();
  const policy = {
    priority: 0,
    mode: "enforce",
    name: "some",
    attach: "default",
    caps: { output_tokens: 4000 },
    when: `user in ["o'dave", "erin"]`,
  };
  const { id } = await world.control<{ id: string }>("POST", "/api/v1/policies", policy);
  const { status, body } = await erase("o'dave", "?configuration=remove");
  expect([status, body.errors]).toEqual([409, [{ field: "condition", problem: `${id} in prod` }]]);
  await world.control("DELETE", `/api/v1/policies/${id}`);
  expect((await erase("o'dave")).body.erased).toBe(true);
  expect(await columnsWith("o'dave")).toEqual([]);
});

test("only the admin key erases, and nonsense is refused by name", async () => {
  const { key } = await world.control<{ key: string }>("POST", "/api/v1/keys", {
    name: "manager",
    permissions: ["manage", "read"],
  });
  const answer = await fetch(`${world.url}/api/v1/users/${encodeURIComponent(BOB)}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${key}` },
  });
  expect(answer.status).toBe(403);
  const { status, body } = await erase(BOB, "?configuration=keep");
  expect([status, body.errors[0]?.field]).toEqual([400, "configuration"]);
});

async function pseudonymsOfReadable(user: string): Promise<string[]> {
  const { rows } = await world.database.db.query<{ user: string }>(
    "SELECT encode(pseudonym, 'hex') AS user FROM users WHERE readable = $1",
    [user],
  );
  return rows.map((row) => row.user);
}
