import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyAnswer, KeyMade } from "@tollhouse/contract";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { tollhouseProcess, type TollhouseProcess } from "../../packages/testkit/src/tollhouse-process.ts";

// The secret of a key is in one answer, once. Looked for in everything the server wrote: answers, output, files, every table.

let server: TollhouseProcess;
let simulator: Simulator;
let database: TestDatabase;
const answers: string[] = [];

beforeAll(async () => {
  [simulator, database] = [await startSimulator({ seed: 1 }), await testDatabase()];
  server = await tollhouseProcess({
    providers: simulator.url,
    databaseUrl: database.url,
    env: { TOLLHOUSE_AUTH: "required", LOG_LEVEL: "debug" },
  });
});
afterAll(async () => {
  await server.remove();
  await simulator.close();
  await database.drop();
});

async function ask(key: string, method: string, path: string, body?: object): Promise<number> {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  answers.push(`${JSON.stringify([...answer.headers])} ${await answer.text()}`);
  return answer.status;
}

const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 };
const call = (key: string): Promise<number> => ask(key, "POST", "/v1/chat/completions", chat);

/** Every row of every table as text: bytes are hex in it. */
async function everyRow(): Promise<string> {
  const tables = await database.db.query<{ name: string }>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  const texts: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await database.db.query<{ text: string }>(`SELECT t::text AS text FROM ${name} AS t`);
    texts.push(...rows.map((row) => row.text));
  }
  return texts.join("\n");
}

async function everyFile(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
  return texts.join("\n");
}

test("keys, rotated and revoked ones too, are as they were after a stop and a kill; no secret of theirs is anywhere", async () => {
  const kept = await server.control<KeyMade>("POST", "/api/v1/keys", { name: "kept", fixed: { team: "a" } });
  const rotated = await server.control<KeyMade>("POST", `/api/v1/keys/${kept.id}/rotate`, { overlap_seconds: 3600 });
  const revoked = await server.control<KeyMade>("POST", "/api/v1/keys", {
    name: "revoked",
    permissions: ["call", "read"],
  });
  expect([await call(kept.key), await call(rotated.key), await call(revoked.key)]).toEqual([200, 200, 200]);
  expect(await ask(revoked.key, "GET", "/api/v1/calls")).toBe(200);
  await server.control("DELETE", `/api/v1/keys/${revoked.id}`);
  const used = (await server.control<KeyAnswer>("GET", `/api/v1/keys/${kept.id}`)).last_used_at;
  expect(used).not.toBeNull();

  await server.terminate();
  await server.start();
  expect((await server.control<KeyAnswer>("GET", `/api/v1/keys/${kept.id}`)).last_used_at).toBe(used);
  await server.kill();
  await server.start();
  const mistyped = `${kept.key.slice(0, -1)}${kept.key.endsWith("x") ? "y" : "x"}`;
  const keys = [kept.key, rotated.key, revoked.key, mistyped];
  expect([await call(kept.key), await call(rotated.key), await call(revoked.key), await call(mistyped)]).toEqual([
    200, 200, 401, 401,
  ]);
  expect(await ask(revoked.key, "GET", "/api/v1/keys")).toBe(401);
  answers.push(JSON.stringify(await server.control("GET", "/api/v1/keys")));
  answers.push(JSON.stringify(await server.control("GET", "/api/v1/calls")));
  answers.push(await (await fetch(`${server.url}/metrics`)).text());
  expect(await server.control("POST", "/api/v1/ledger/verify", {})).toMatchObject({ result: "PASS" });
  const rows = await everyRow();
  expect((await server.terminate()).code).toBe(0);

  const everything = [answers.join("\n"), server.stdout(), server.stderr(), await everyFile(server.dataDir), rows].join(
    "\n",
  );
  // What is looked through does hold the keys' names, in the spool and in the ledger.
  for (const text of [everything, rows]) expect(text).toContain(kept.id);
  expect(rows).toContain(Buffer.from("key.revoke").toString("hex"));
  for (const key of keys) {
    const secret = key.split("_")[3] as string;
    for (const canary of [secret, secret.slice(-12), Buffer.from(secret).toString("base64").slice(0, 40)])
      expect(everything.includes(canary)).toBe(false);
    expect(everything.includes(Buffer.from(secret).toString("hex"))).toBe(false);
  }
});
