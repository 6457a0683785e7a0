import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyMade, LimitAnswer } from "@tollhouse/contract";
import { loadSettings, startTollhouse, type Tollhouse } from "@tollhouse/server";
import {
  control,
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Many tenants over a restart: the process that comes next finds each one's keys, limits, stops and what was spent.

const TENANTS = 12;
let world: StartedTollhouse;
let next: Tollhouse | null = null;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "tollhouse-tenants-"));
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" } });
});
afterAll(async () => {
  await next?.stop();
  await world.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function restarted(): Promise<Tollhouse> {
  const env = {
    TOLLHOUSE_PORT: "0",
    TOLLHOUSE_DATA_DIR: dataDir,
    TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_MASTER_KEY: "11".repeat(32),
    TOLLHOUSE_AUTH: "required",
    DEFAULT_BUDGET: "0",
    DATABASE_URL: world.database.url,
    OPENAI_API_KEY: "sk-simulated-openai",
    OPENAI_BASE_URL: `${world.simulator.url}/v1`,
    LOG_LEVEL: "error",
  };
  return startTollhouse(loadSettings({ env, argv: [], yamlText: null, cwd: dataDir }));
}

async function call(address: string, key: string): Promise<number> {
  const answer = await fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await answer.text();
  return answer.status;
}

test("each tenant's keys, limits, environments and what it spent are there again, and nobody else's", async () => {
  const keys: string[] = [];
  for (let n = 0; n < TENANTS; n++) {
    await world.control("POST", "/api/v1/tenants", { name: `t${n}` });
    const at = `?tenant=t${n}&environment=lab`;
    await world.control("POST", `/api/v1/environments?tenant=t${n}`, { name: "lab" });
    const limit = { scope: "org", measure: "requests", amount: "2", window: "lifetime", mode: "hard" };
    await world.control<LimitAnswer>("POST", `/api/v1/limits${at}`, limit);
    keys.push((await world.control<KeyMade>("POST", `/api/v1/keys${at}`, { name: "k" })).key);
    // Some have spent one of two calls, some both.
    for (let calls = 0; calls < 1 + (n % 2); calls++) expect(await call(world.url, keys[n] as string)).toBe(200);
  }
  await world.recorded();
  await world.tollhouse.stop();
  next = await restarted();
  const statuses = await Promise.all(keys.map((key) => call((next as Tollhouse).address, key)));
  expect(statuses).toEqual(keys.map((_, n) => (n % 2 === 0 ? 200 : 429)));
  for (const n of [0, TENANTS - 1]) {
    const found = await control<{ limits: LimitAnswer[] }>(
      next.address,
      "GET",
      `/api/v1/limits?tenant=t${n}&environment=lab`,
    );
    expect(found.limits.map(({ state }) => state.settled)).toEqual(["2"]);
  }
});
