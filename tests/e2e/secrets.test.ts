import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyMade } from "@tollhouse/contract";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { tollhouseProcess, type TollhouseProcess } from "../../packages/testkit/src/tollhouse-process.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";
import { steered, until } from "./side-by-side.ts";

// E22 of docs/evidence: the server as its own process, with secrets that exist nowhere else, and everything it says collected: what
// every route of the control API answers, and what it writes, to its output, its files and its database.

const CANARIES = {
  OPENAI_API_KEY: "sk-canary-openai-7f3a9c1e5b",
  ANTHROPIC_API_KEY: "sk-ant-canary-2b8d4f6a0c",
  GEMINI_API_KEY: "AIzaCanaryGemini9e7c5a3b1d",
  TOLLHOUSE_ADMIN_KEY: "th_admin_canary_6c4e2a8f0b",
  TOLLHOUSE_MASTER_KEY: "c4".repeat(32),
};
const CLIENT_KEY = "sk-canary-of-the-client-5d1f3b7e9a";
/** A tenant's own: one that looks like a key, and one that no form tells. */
const OWN = { openai: "sk-canary-of-a-tenant-8a6c4e2f0d", gemini: "withoutAnyFormCanary3e5g7i9k1m" };
const PROMPT = "canary prompt: the merger is on 4 May, code word Zanzibar-Q7";

let server: TollhouseProcess;
let simulator: Simulator;
let database: TestDatabase;
let url = "";
const answers: string[] = [];
/** Keys that were issued: in the answer that made them, and in no other. */
const issued: string[] = [];

beforeAll(async () => {
  [simulator, database] = [await startSimulator(), await testDatabase()];
  const env = { ...CANARIES, LOG_LEVEL: "debug" };
  server = await tollhouseProcess({ providers: simulator.url, databaseUrl: database.url, env });
  ({ url } = server);
});
afterAll(async () => {
  await server.remove();
  await simulator.close();
  await database.drop();
});

const output = (): string => server.stdout() + server.stderr();

const messages = [{ role: "user", content: PROMPT }];

/** Keeps everything that came back: status, headers and body. */
async function ask(path: string, init: RequestInit = {}): Promise<number> {
  return (await answerOf(path, init)).status;
}

async function answerOf(path: string, init: RequestInit = {}): Promise<{ status: number; body: Json }> {
  const answer = await fetch(url + path, init);
  const text = await answer.text();
  const body = parsed(text);
  // The one place of an issued key; all else of that answer is looked through like any other.
  const { key } = body;
  const shown = typeof key === "string" && key.startsWith("th_") ? key : null;
  if (shown !== null) issued.push(shown);
  answers.push(
    `${answer.status} ${JSON.stringify([...answer.headers])} ${shown === null ? text : text.replace(shown, "")}`,
  );
  return { status: answer.status, body };
}

type Json = { readonly [name: string]: unknown };

function parsed(text: string): Json {
  try {
    // What is not there yet is null.
    return (JSON.parse(text) as Json | null) ?? {};
  } catch {
    return {};
  }
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const sent = { "content-type": "application/json", authorization: `Bearer ${CLIENT_KEY}`, ...headers };
  return ask(path, { method: "POST", headers: sent, body: JSON.stringify(body) });
}

const admin = { authorization: `Bearer ${CANARIES.TOLLHOUSE_ADMIN_KEY}` };
const json = { "content-type": "application/json" };

test("calls, refusals, errors and attacks of every dialect are made, and the server survives them", async () => {
  const chat = { model: "gpt-4o-mini", messages };
  const anthropic = { "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01" };
  const gemini = "/v1beta/models/gemini-2.5-flash:generateContent";
  const contents = [{ parts: [{ text: PROMPT }] }];
  expect(await post("/v1/chat/completions", chat)).toBe(200);
  expect(await post("/v1/messages", { model: "claude-haiku-4-5", max_tokens: 20, messages }, anthropic)).toBe(200);
  expect(await post(gemini, { contents }, { "x-goog-api-key": CLIENT_KEY })).toBe(200);
  expect(await post(`${gemini}?key=${CLIENT_KEY}`, { contents })).toBe(200);
  for (const status of [401, 429, 500]) {
    const fault = steered({ fault: { kind: "error_status", status } });
    expect(await post("/v1/chat/completions", { ...chat, ...fault })).toBe(status);
  }
  const limit = { scope: "session:spent", measure: "usd", amount: "0", window: "lifetime", mode: "hard" };
  expect(await post("/api/v1/limits", limit, admin)).toBe(201);
  expect(await post("/v1/chat/completions", chat, { "x-session-id": "spent" })).toBe(429);
  expect(await post("/v1/chat/completions", "no object")).toBe(400);
  for (const wrong of [
    { ...chat, model: 7 },
    { ...chat, max_tokens: PROMPT },
    { model: "gpt-4o-mini", messages: PROMPT },
  ])
    await post("/v1/chat/completions", wrong);
  expect(await post("/v1/nowhere", chat)).toBe(404);
  expect(await post("/v1/chat/completions", chat, { authorization: "Bearer th_prod_canary_wrong_0000" })).toBe(401);
  expect(await post("/api/v1/limits", { ...limit, key: CLIENT_KEY }, admin)).toBe(400);
  expect(await ask("/api/v1/calls", { headers: { authorization: "Bearer wrong" } })).toBe(401);
  for (const path of ["/health", "/ready", "/metrics", "/", "/dashboard"]) expect(await ask(path)).toBe(200);
  const rude = rawConnection(url);
  rude.write(rawRequest("/v1/chat/completions", [`authorization: Bearer ${CLIENT_KEY}`, "transfer-encoding: x"], "{"));
  answers.push(await rude.closed());
  expect(await post("/v1/chat/completions", chat)).toBe(200);
});

test("calls are made with a tenant's own provider keys, and with keys that were issued", async () => {
  for (const [provider, api_key] of Object.entries(OWN)) {
    const init = { method: "PUT", headers: { ...admin, ...json }, body: JSON.stringify({ api_key }) };
    expect(await ask(`/api/v1/provider-keys/${provider}`, init)).toBe(200);
  }
  const made = await answerOf("/api/v1/keys", {
    method: "POST",
    headers: { ...admin, ...json },
    body: '{"name":"caller"}',
  });
  const { key } = made.body as unknown as KeyMade;
  const authorization = `Bearer ${key}`;
  const chat = { model: "gpt-4o-mini", messages };
  expect(await post("/v1/chat/completions", chat, { authorization })).toBe(200);
  expect(await post("/v1/chat/completions", { ...chat, stream: true }, { authorization })).toBe(200);
  expect(
    await post("/v1beta/models/gemini-2.5-flash:generateContent", { contents: [{ parts: [{ text: PROMPT }] }] }),
  ).toBe(200);
  const fault = steered({ fault: { kind: "error_status", status: 401 } });
  expect(await post("/v1/chat/completions", { ...chat, ...fault }, { authorization })).toBe(401);
});

interface Operation {
  readonly path: string;
  readonly method: string;
  /** There: it asks for no key. */
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: string | number }[];
  readonly requestBody?: { readonly content: { readonly "application/json"?: { readonly example?: unknown } } };
}

/** All that the document has; what ends things comes last. */
async function everyOperation(): Promise<Operation[]> {
  const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Omit<Operation, "path" | "method">>>;
  };
  return Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([name, operation]) => ({ ...operation, path, method: name.toUpperCase() })),
    )
    .toSorted((a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"));
}

const familyOf = ({ path }: Operation): string => path.replace(/\/\{.*$/, "");
const exampleOf = ({ requestBody }: Operation): unknown => requestBody?.content["application/json"]?.example;

/** The example of an operation, with `id` for the one that it shows, and what `over` has in its place. */
function send(operation: Operation, id: string | undefined, over: { headers: object; body?: unknown; query?: string }) {
  const of = (place: string): [string, string][] =>
    (operation.parameters ?? []).flatMap((each) =>
      each.in === place && each.example !== undefined ? [[each.name, String(each.example)]] : [],
    );
  const named = of("path").map(([name, shown]) => [`{${name}}`, encodeURIComponent(id ?? shown)] as const);
  const target = named.reduce((text, [name, value]) => text.replace(name, value), operation.path);
  const body = "body" in over ? over.body : exampleOf(operation);
  return answerOf(`${target}?${over.query ?? ""}&${new URLSearchParams(of("query")).toString()}`, {
    method: operation.method,
    headers: { ...over.headers, ...(body !== undefined && json) },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

test("every route of the control API is asked: as its example says, without a key, and with secrets where none belong", async () => {
  const operations = await everyOperation();
  /** Ids of things that were made here, by the path that made them. */
  const made = new Map<string, string>();
  let answered = 0;
  for (const operation of operations) {
    const { method, path, security, requestBody } = operation;
    const id = made.get(familyOf(operation));
    const { status, body } = await send(operation, id, { headers: admin });
    expect(status, `${method} ${path}`).toBeLessThan(500);
    if (status < 400) answered++;
    if (method === "POST" && typeof body["id"] === "string") made.set(familyOf(operation), body["id"]);
    const stranger = await send(operation, id, { headers: { authorization: `Bearer ${CLIENT_KEY}` } });
    if (security === undefined) expect(stranger.status, `${method} ${path}`).toBe(401);
    const example = (exampleOf(operation) ?? {}) as object;
    const wrong = Object.fromEntries(Object.keys(example).map((name) => [name, { [CLIENT_KEY.slice(0, 3)]: PROMPT }]));
    const bodies = [{ ...wrong, nonsense: CLIENT_KEY }, `{"x": "${PROMPT}`, [PROMPT], PROMPT];
    const query = `nonsense=${encodeURIComponent(PROMPT)}`;
    for (const nonsense of requestBody === undefined
      ? [{ query }]
      : [{ query }, ...bodies.map((each) => ({ body: each }))])
      expect((await send(operation, id, { headers: admin, ...nonsense })).status, `${method} ${path}`).toBeLessThan(
        500,
      );
  }
  for (const path of ["/api/v1/audit?limit=1000", "/api/v1/calls?limit=1000", "/api/v1/provider-keys"])
    expect(await ask(path, { headers: admin })).toBe(200);
  expect(operations.length).toBeGreaterThan(20);
  // Where an example names what is not there it is not found; most of them are answered.
  expect(answered).toBeGreaterThan(operations.length / 2);
});

test("/health, /ready and /metrics say what they promise", async () => {
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok", version: expect.any(String) as string });
  expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true, waiting_for: [] });
  // Of several tenants by now, one of them made by an example: the admin sees all of it.
  const metrics = await (await fetch(`${url}/metrics`, { headers: admin })).text();
  answers.push(metrics);
  expect(metrics).toMatch(/^# HELP tollhouse_/m);
});

test("each call is one JSON log line with the documented fields", async () => {
  const lines = (): Record<string, unknown>[] =>
    output()
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => "decision_id" in line && "actual_cost" in line);
  await until("the refusal is logged", () => lines().some((line) => line["reason_code"] === "BUDGET_EXCEEDED"));
  const fields =
    "timestamp, request_id, decision_id, tenant, environment, session_id, user, feature, provider, model, estimated_cost, " +
    "actual_cost, input_tokens, output_tokens, usage_source, decision, reason_code, latency_ms, overhead_ms, error";
  for (const line of lines()) for (const field of fields.split(", ")) expect(Object.keys(line)).toContain(field);
  const decisions = lines().map((line) => line["decision_id"]);
  expect(new Set(decisions).size).toBe(decisions.length);
  const refused = lines().find((line) => line["reason_code"] === "BUDGET_EXCEEDED");
  expect(refused).toMatchObject({ decision: "block", session_id: "spent", actual_cost: null, usage_source: null });
});

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

async function everyFile(): Promise<string> {
  const entries = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
  return texts.join("\n");
}

/** The text, and each run of eight characters of the part that is secret; each plain, in hex and in base64. */
function tracesOf(secret: string): string[] {
  const own = secret.slice(-12);
  const runs = Array.from({ length: own.length - 7 }, (_, from) => own.slice(from, from + 8));
  const encoded = [secret, own].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [bytes.toString("hex"), bytes.toString("base64"), bytes.toString("base64url")];
  });
  return [secret, ...runs, ...encoded];
}

test("no secret and no prompt is in any answer, header, log line, metric, page, file or table, whole or in part", async () => {
  expect((await server.terminate()).code).toBe(0);
  const rows = await everyRow();
  const places: Record<string, string> = {
    answers: answers.join("\n"),
    output: output(),
    files: await everyFile(),
    rows,
  };
  expect(answers.length).toBeGreaterThan(120);
  expect(issued.length).toBeGreaterThan(1);
  // What is looked through does hold the changes and the calls.
  for (const text of [places["answers"], places["files"]]) expect(text).toContain("provider_key.set");
  expect(rows).toContain(Buffer.from("provider_key.set").toString("hex"));
  const master = Buffer.from(CANARIES.TOLLHOUSE_MASTER_KEY, "hex");
  const { TOLLHOUSE_MASTER_KEY, ...others } = CANARIES;
  const traces = [
    ...Object.values(others),
    ...Object.values(OWN),
    CLIENT_KEY,
    PROMPT,
    ...issued.map(secretPart),
  ].flatMap(tracesOf);
  traces.push(TOLLHOUSE_MASTER_KEY, master.toString("base64"), master.toString("base64url"));
  for (const [place, text] of Object.entries(places))
    expect(
      traces.filter((trace) => text.includes(trace)),
      place,
    ).toEqual([]);
});

/** `th_<environment>_<id>_<secret>_<checksum>`: the id is no secret. */
function secretPart(key: string): string {
  return key.split("_")[3] as string;
}
