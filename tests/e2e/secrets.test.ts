import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";
import { steered, until } from "./side-by-side.ts";

// E22 of docs/evidence: the server as its own process, with secrets that exist nowhere else, and everything it says collected.

const CANARIES = {
  OPENAI_API_KEY: "sk-canary-openai-7f3a9c1e5b",
  ANTHROPIC_API_KEY: "sk-ant-canary-2b8d4f6a0c",
  GEMINI_API_KEY: "AIzaCanaryGemini9e7c5a3b1d",
  TOLLHOUSE_ADMIN_KEY: "th_admin_canary_6c4e2a8f0b",
  TOLLHOUSE_MASTER_KEY: "c4".repeat(32),
};
const CLIENT_KEY = "sk-canary-of-the-client-5d1f3b7e9a";

let server: ChildProcess;
let simulator: Simulator;
let database: TestDatabase;
let dataDir: string;
let url = "";
let output = "";
const answers: string[] = [];

beforeAll(async () => {
  [simulator, database] = [await startSimulator(), await testDatabase()];
  dataDir = await mkdtemp(join(tmpdir(), "tollhouse-secrets-"));
  const main = new URL("../../apps/server/src/main.ts", import.meta.url).pathname;
  server = spawn(process.execPath, ["--conditions=@tollhouse/source", main], {
    cwd: dataDir,
    env: {
      PATH: process.env["PATH"],
      ...CANARIES,
      TOLLHOUSE_PORT: "0",
      TOLLHOUSE_DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      OPENAI_BASE_URL: `${simulator.url}/v1`,
      ANTHROPIC_BASE_URL: simulator.url,
      GEMINI_BASE_URL: simulator.url,
      LOG_LEVEL: "debug",
    },
  });
  for (const stream of [server.stdout, server.stderr])
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until("the server says where it is", () => /http:\/\/127\.0\.0\.1:\d+/.test(output));
  url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? "";
});

afterAll(async () => {
  if (server.exitCode === null) {
    server.kill("SIGTERM");
    await new Promise((resolve) => server.once("exit", resolve));
  }
  await simulator.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const messages = [{ role: "user", content: "Hi" }];

/** Keeps everything that came back: status, headers and body. */
async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(url + path, init);
  answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`);
  return answer.status;
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const sent = { "content-type": "application/json", authorization: `Bearer ${CLIENT_KEY}`, ...headers };
  return ask(path, { method: "POST", headers: sent, body: JSON.stringify(body) });
}

const admin = { authorization: `Bearer ${CANARIES.TOLLHOUSE_ADMIN_KEY}` };

test("calls, refusals, errors and attacks of every dialect are made, and the server survives them", async () => {
  const chat = { model: "gpt-4o-mini", messages };
  const anthropic = { "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01" };
  const gemini = "/v1beta/models/gemini-2.5-flash:generateContent";
  const contents = [{ parts: [{ text: "Hi" }] }];
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
  expect(await post("/v1/nowhere", chat)).toBe(404);
  expect(await post("/v1/chat/completions", chat, { authorization: "Bearer th_prod_canary_wrong_0000" })).toBe(401);
  expect(await post("/api/v1/limits", { ...limit, key: CLIENT_KEY }, admin)).toBe(400);
  for (const path of [
    "/api/v1/limits",
    "/api/v1/calls",
    "/api/v1/usage?group_by=model",
    "/api/v1/prices",
    "/api/v1/none",
  ])
    await ask(path, { headers: admin });
  expect(await ask("/api/v1/calls", { headers: { authorization: "Bearer wrong" } })).toBe(401);
  for (const path of ["/health", "/ready", "/metrics", "/", "/dashboard"]) expect(await ask(path)).toBe(200);
  const rude = rawConnection(url);
  rude.write(rawRequest("/v1/chat/completions", [`authorization: Bearer ${CLIENT_KEY}`, "transfer-encoding: x"], "{"));
  answers.push(await rude.closed());
  expect(await post("/v1/chat/completions", chat)).toBe(200);
});

test("/health, /ready and /metrics say what they promise", async () => {
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok", version: expect.any(String) as string });
  expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true, waiting_for: [] });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^# HELP tollhouse_/m);
});

test("each call is one JSON log line with the documented fields", async () => {
  const lines = (): Record<string, unknown>[] =>
    output
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

test("no secret is in any answer, header, log line, metric or page", async () => {
  server.kill("SIGTERM");
  await until("the server ends", () => server.exitCode !== null);
  expect(server.exitCode).toBe(0);
  const said = `${output}\n${answers.join("\n")}`;
  expect(answers.length).toBeGreaterThan(20);
  const master = Buffer.from(CANARIES.TOLLHOUSE_MASTER_KEY, "hex");
  const secrets = [...Object.values(CANARIES), CLIENT_KEY, master.toString("base64"), master.toString("base64url")];
  for (const secret of secrets) {
    expect(said).not.toContain(secret);
    // Not in part either, as `sk-ca…9c1e5b`, nor as basic encodings of it.
    expect(said).not.toContain(secret.slice(-10));
    expect(said).not.toContain(Buffer.from(secret).toString("base64"));
  }
});
