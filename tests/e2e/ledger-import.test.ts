import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadSettings, startTollhouse } from "@tollhouse/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  control,
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";

// A ledger moves to a fresh installation: what an operator does after the loss of a machine.

const MASTER_KEY = "11".repeat(32);
const MAIN = new URL("../../apps/server/src/main.ts", import.meta.url).pathname;

let world: StartedTollhouse;
let fresh: TestDatabase;
beforeAll(async () => {
  [world, fresh] = await Promise.all([startedTollhouse(), testDatabase()]);
  for (let n = 0; n < 5; n++) await call(world.url);
});
afterAll(async () => {
  await world.stop();
  await fresh.drop();
});

async function call(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-1" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get("x-tollhouse-decision") ?? "";
}

async function text(path: string): Promise<string> {
  const headers = { authorization: `Bearer ${TEST_ADMIN_KEY}` };
  return (await fetch(`${world.url}${path}`, { headers })).text();
}

const envOf = (masterKey: string): Record<string, string> => ({
  DATABASE_URL: fresh.url,
  TOLLHOUSE_DATA_DIR: join(world.dataDir, "fresh"),
  TOLLHOUSE_MASTER_KEY: masterKey,
  TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
  TOLLHOUSE_PORT: "0",
  OPENAI_API_KEY: "sk-simulated-openai",
  OPENAI_BASE_URL: `${world.simulator.url}/v1`,
  LOG_LEVEL: "error",
});

function importing(file: string, masterKey: string): Promise<{ stdout: string }> {
  const args = ["--conditions=@tollhouse/source", MAIN, "--import-ledger", file];
  const env = { PATH: process.env["PATH"], INIT_CWD: world.dataDir, ...envOf(masterKey) };
  return promisify(execFile)(process.execPath, args, { env, cwd: world.dataDir });
}

test("an export is taken in by one command, and the new installation verifies it against a pin of the old one", async () => {
  const file = join(world.dataDir, "export.ndjson");
  const exported = await text("/api/v1/ledger/export");
  await writeFile(file, exported);
  const pin = await text("/api/v1/ledger/checkpoint");
  const usage = await text("/api/v1/usage?group_by=model,session");
  const entries = exported.split("\n").filter((line) => line.startsWith('{"sequence"')).length;

  await expect(importing(file, "22".repeat(32))).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^.*export\.ndjson: nothing was imported: line 2: .*master key.*\n$/) as string,
  });
  const { stdout } = await importing(file, MASTER_KEY);
  expect(stdout).toMatch(new RegExp(`^Imported ${entries} entries and \\d+ checkpoints of tenant 0{31}1, `));

  const settings = loadSettings({ env: envOf(MASTER_KEY), argv: [], yamlText: null, cwd: world.dataDir });
  const tollhouse = await startTollhouse(settings);
  try {
    const asked = <T>(method: string, path: string, body?: unknown): Promise<T> =>
      control<T>(tollhouse.address, method, path, body);
    expect(await asked("GET", "/api/v1/usage?group_by=model,session")).toEqual(JSON.parse(usage));
    const decision = await call(tollhouse.address);
    expect(await asked("GET", `/api/v1/calls/${decision}/receipt`)).toMatchObject({ decision });
    expect(await asked("POST", "/api/v1/ledger/verify", { pin })).toMatchObject({ result: "PASS", tail: "PROVEN" });
  } finally {
    await tollhouse.stop();
  }
});
