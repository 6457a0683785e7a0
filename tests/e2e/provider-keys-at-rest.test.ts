import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { KeyMade, ProviderKeyAnswer } from "@tollhouse/contract";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { tollhouseProcess, type TollhouseProcess } from "../../packages/testkit/src/tollhouse-process.ts";
import { startRecordingProvider, type RecordingProvider } from "./recording-provider.ts";

// E20: a provider key bound to its place and address, over restarts of the real process; and where its secret is to be found: nowhere.

const SECRETS = { prod: "sk-canary-prod-Xq81ZpLw02", dev: "canaryofdevwithoutform7Yt55" };
const at = (environment: string): string => `/api/v1/provider-keys/openai?environment=${environment}`;

let database: TestDatabase;
let provider: RecordingProvider;
let elsewhere: RecordingProvider;
let running: TollhouseProcess | null = null;
const answers: string[] = [];

beforeAll(async () => {
  [database, provider, elsewhere] = await Promise.all([
    testDatabase(),
    startRecordingProvider(),
    startRecordingProvider(),
  ]);
});
afterEach(async () => {
  await running?.remove();
  running = null;
});
afterAll(async () => {
  await provider.close();
  await elsewhere.close();
  await database.drop();
});

async function start(providers: string): Promise<TollhouseProcess> {
  const env = { TOLLHOUSE_AUTH: "required", LOG_LEVEL: "debug" };
  running = await tollhouseProcess({ providers, databaseUrl: database.url, env });
  return running;
}

const CALL_KEYS = new Map<string, string>();

/** Status and reason of a call, made with a key of that environment. */
async function call(server: TollhouseProcess, environment: string): Promise<readonly [number, string]> {
  let key = CALL_KEYS.get(environment);
  if (key === undefined) {
    ({ key } = await server.control<KeyMade>("POST", "/api/v1/keys", { name: environment, environment }));
    CALL_KEYS.set(environment, key);
  }
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 5 }),
  });
  const text = await response.text();
  answers.push(`${JSON.stringify([...response.headers])} ${text}`);
  const error = (JSON.parse(text) as { error?: { message: string } }).error;
  return [response.status, error?.message ?? ""];
}

async function read(server: TollhouseProcess, environment: string): Promise<ProviderKeyAnswer> {
  const answer = await server.control<ProviderKeyAnswer>("GET", at(environment));
  answers.push(JSON.stringify(answer));
  return answer;
}

const sentTo = ({ received }: RecordingProvider): readonly (string | undefined)[] =>
  received.map(({ headers }) => headers.get("authorization"));

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

test("after a stop and a kill each environment's key is as it was, and used", async () => {
  const server = await start(provider.url);
  const before: ProviderKeyAnswer[] = [];
  for (const [environment, secret] of Object.entries(SECRETS)) {
    await server.control("PUT", at(environment), { api_key: secret });
    before.push(await read(server, environment));
  }
  await server.terminate();
  await server.start();
  await server.kill();
  await server.start();
  expect([await read(server, "prod"), await read(server, "dev")]).toEqual(before);
  expect([(await call(server, "prod"))[0], (await call(server, "dev"))[0]]).toEqual([200, 200]);
  expect(sentTo(provider).slice(-2)).toEqual([`Bearer ${SECRETS.prod}`, `Bearer ${SECRETS.dev}`]);
});

test("an address that changed gets neither the secret nor the installation's key in its place, until it is set again", async () => {
  const server = await start(elsewhere.url);
  expect(server.stdout()).toMatch(
    /"level":"warning","message":"a provider key is not used: its provider has another address/,
  );
  expect(await read(server, "prod")).toMatchObject({ state: "origin_changed", origin: provider.url, last_four: null });
  const [status, reason] = await call(server, "prod");
  expect([status, reason]).toEqual([503, expect.stringContaining("was stored for another address of it")]);
  expect(sentTo(elsewhere)).toEqual([]);
  // Without one of its own, an environment uses what is installed there.
  expect((await call(server, "staging"))[0]).toBe(200);
  await server.control("PUT", at("prod"), { api_key: SECRETS.prod });
  expect(await read(server, "prod")).toMatchObject({ state: "active", origin: elsewhere.url });
  await server.control("DELETE", at("dev"));
  expect([(await call(server, "prod"))[0], (await call(server, "dev"))[0]]).toEqual([200, 200]);
  expect(sentTo(elsewhere)).toEqual([
    "Bearer sk-simulated-openai",
    `Bearer ${SECRETS.prod}`,
    "Bearer sk-simulated-openai",
  ]);
});

test("a sealed secret that SQL moved to another row is named and used for nobody", async () => {
  const first = await start(provider.url);
  await first.control("PUT", at("prod"), { api_key: SECRETS.prod });
  await first.control("PUT", at("dev"), { api_key: SECRETS.dev });
  await first.terminate();
  // What prod has, id and fingerprint included, as dev's. (To another tenant: provider-key-service.real.test.ts.)
  await database.db.query(
    `UPDATE provider_keys AS dev SET sealed = prod.sealed, id = prod.id, fingerprint = prod.fingerprint
     FROM provider_keys AS prod WHERE prod.environment = 'prod' AND dev.environment = 'dev'`,
  );
  const before = provider.received.length;
  await first.start();
  expect(first.stdout()).toMatch(
    /"level":"error","message":"a provider key cannot be decrypted[^\n]*"environment":"dev"/,
  );
  expect(await read(first, "dev")).toMatchObject({ state: "unreadable", last_four: null });
  expect(await read(first, "prod")).toMatchObject({ state: "active" });
  expect(await call(first, "dev")).toEqual([503, expect.stringContaining("cannot be decrypted")]);
  expect(provider.received.length).toBe(before);
  expect((await call(first, "prod"))[0]).toBe(200);
  // An origin that SQL wrote over, to have the secret follow a changed base URL.
  await first.terminate();
  await database.db.query("UPDATE provider_keys SET origin = $1 WHERE environment = 'prod'", [elsewhere.url]);
  const seen = elsewhere.received.length;
  await first.remove();
  const moved = await start(elsewhere.url);
  expect(await read(moved, "prod")).toMatchObject({ state: "unreadable" });
  expect((await call(moved, "prod"))[0]).toBe(503);
  expect(elsewhere.received.length).toBe(seen);
  for (const path of ["/api/v1/audit", "/api/v1/calls", "/api/v1/provider-keys", "/api/v1/usage?group_by=model"])
    answers.push(JSON.stringify(await moved.control("GET", path)));
  answers.push(await (await fetch(`${moved.url}/metrics`)).text());
  expect(await moved.control("POST", "/api/v1/ledger/verify", {})).toMatchObject({ result: "PASS" });
  await moved.terminate();
  const said = [moved, first].map((server) => server.stdout() + server.stderr());
  const everything = [...answers, ...said, await everyFile(moved.dataDir), await everyRow()].join("\n");
  // What is looked through does hold the changes, in the spool and in the ledger.
  expect(everything).toContain(Buffer.from("provider_key.set").toString("hex"));
  for (const secret of Object.values(SECRETS))
    for (let from = 0; from + 8 <= secret.length; from++)
      for (const part of [secret.slice(from, from + 8), Buffer.from(secret.slice(from, from + 8)).toString("hex")])
        expect(everything.includes(part)).toBe(false);
});
