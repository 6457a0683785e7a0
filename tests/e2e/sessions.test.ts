import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings, startTollhouse, type Tollhouse } from "@tollhouse/server";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { DEFAULT_TENANT, foldCounters, type MemoryCounterStore } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { control, TEST_ADMIN_KEY } from "../../packages/testkit/src/started-tollhouse.ts";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { steered } from "./side-by-side.ts";

// Sessions as their operator sees them, and what is left of every stop after a restart on the same data.

const DEFAULT_BUDGET = "0.000100000";
let database: TestDatabase;
let simulator: Simulator;
let dataDir: string;
let tollhouse: Tollhouse;

beforeAll(async () => {
  database = await testDatabase();
  simulator = await startSimulator({ seed: 1 });
  dataDir = await mkdtemp(join(tmpdir(), "tollhouse-sessions-"));
  tollhouse = await start();
});
afterAll(async () => {
  await tollhouse.stop();
  await simulator.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(): Promise<Tollhouse> {
  const env = {
    TOLLHOUSE_PORT: "0",
    TOLLHOUSE_DATA_DIR: dataDir,
    TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_MASTER_KEY: "11".repeat(32),
    DATABASE_URL: database.url,
    OPENAI_API_KEY: "sk-simulated-openai",
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    DEFAULT_BUDGET,
    LOG_LEVEL: "error",
  };
  return startTollhouse(loadSettings({ env, argv: [], yamlText: null, cwd: dataDir }));
}

async function restart(): Promise<void> {
  await tollhouse.stop();
  tollhouse = await start();
}

const ask = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  control(tollhouse.address, method, path, body);

/** Costs 30,000 nano-dollars and a little for its input. */
async function call(dimensions: Record<string, string>): Promise<string | null> {
  const headers = Object.entries(dimensions).map(([name, value]): [string, string] => [`x-tollhouse-${name}`, value]);
  const answer = await fetch(`${tollhouse.address}/v1/chat/completions`, {
    method: "POST",
    headers: [["content-type", "application/json"], ...headers],
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 50,
      ...steered({ output_tokens: 50 }),
    }),
  });
  await answer.text();
  return answer.headers.get("x-tollhouse-reason");
}

interface Session {
  readonly session: string;
  readonly state: string;
  readonly frozen: { readonly reason: string; readonly operator: string; readonly expires_at: string | null } | null;
  readonly budgets: readonly {
    limit_id: string;
    amount: string;
    settled: string;
    remaining: string;
    default: boolean;
  }[];
}

interface Made {
  readonly id: string;
}

async function spendAll(session: string): Promise<void> {
  for (let i = 0; i < 20; i++) if ((await call({ session })) === "BUDGET_EXCEEDED") return;
  throw new Error(`${session} still has money after twenty calls`);
}

/** What is in memory, in the sums and in the entries of the ledger is the same. */
async function expectCountersAreTheFold(session: string): Promise<void> {
  await tollhouse.recorded();
  const [budget] = (await ask<Session>("GET", `/api/v1/sessions/${session}`)).budgets;
  const folded = (await foldCounters(database.db, DEFAULT_TENANT)).find((sum) => sum.limitId === budget?.limit_id);
  expect(folded?.settled).toBe(BigInt((budget?.settled ?? "").replace(".", "")));
}

test("a reset starts the default budget of one session anew; the ledger says so, and counters stay its fold over a restart", async () => {
  await spendAll("spent");
  await spendAll("other");
  const reset = await ask<Session>("POST", "/api/v1/sessions/spent/reset");
  expect(reset.budgets).toMatchObject([{ amount: DEFAULT_BUDGET, settled: "0.000000000", default: true }]);
  expect(await call({ session: "other" })).toBe("BUDGET_EXCEEDED");
  await expectCountersAreTheFold("spent");
  expect(await call({ session: "spent" })).toBeNull();
  await expectCountersAreTheFold("spent");

  await restart();
  expect(await call({ session: "spent" })).toBeNull();
  await expectCountersAreTheFold("spent");
  await spendAll("spent");
  // The other door, the same room.
  await ask("POST", "/api/dashboard/session/spent/reset");
  expect(await call({ session: "spent" })).toBeNull();
  await expectCountersAreTheFold("spent");
  await expectCountersAreTheFold("other");
  expect(await ask("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" })).toMatchObject({ result: "PASS" });
});

test("a call that runs over a reset keeps what it holds and counts for the new start", async () => {
  const running = call({ session: "crossing" });
  await ask("POST", "/api/v1/sessions/crossing/reset");
  expect(await running).toBeNull();
  await ask("POST", "/api/v1/sessions/crossing/reset");
  await call({ session: "crossing" });
  await expectCountersAreTheFold("crossing");
  expect((tollhouse.gateway.countersOf(DEFAULT_TENANT) as MemoryCounterStore).audit()).toEqual([]);
});

test("a session with a budget of its own has no default one to reset, and is told to change its limit", async () => {
  const limit = { scope: "session:own", measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
  await ask("POST", "/api/v1/limits", limit);
  await expect(ask("POST", "/api/v1/sessions/own/reset")).rejects.toThrow(/400 .*no default budget/);
});

test("a session is frozen and unfrozen by either API, whatever its name, and only itself", async () => {
  const session = `a/b ${"ü".repeat(200)}`;
  const path = encodeURIComponent(session);
  const headers = { session: encodeURIComponent("plain") };
  await ask("POST", `/api/v1/sessions/${path}/freeze`, { reason: "loops", expires_in: 3_600 });
  const frozen = await ask<Session>("GET", `/api/v1/sessions/${path}`);
  expect(frozen).toMatchObject({ session, state: "frozen", frozen: { reason: "loops", operator: "admin-key" } });
  await ask("POST", "/api/v1/sessions/plain/freeze");
  expect(await call(headers)).toBe("SESSION_FROZEN");
  expect(await call({ session: "plai" })).toBeNull();
  // Frozen anew: one unfreeze is enough.
  await ask("POST", "/api/v1/sessions/plain/freeze", { reason: "still" });
  expect(await ask("POST", "/api/dashboard/session/plain/unfreeze")).toMatchObject({ state: "active", frozen: null });
  expect(await call(headers)).toBeNull();
  expect(await ask("POST", "/api/v1/sessions/plain/unfreeze")).toMatchObject({ state: "active" });
  expect(await ask("POST", `/api/v1/sessions/${path}/unfreeze`)).toMatchObject({ state: "active" });
});

test("the dashboard lists sessions with what they did, their state and their budget, and sums it up", async () => {
  for (let i = 0; i < 2; i++) expect(await call({ session: "listed" })).toBeNull();
  await ask("POST", "/api/v1/sessions/listed/freeze");
  expect(await call({ session: "listed" })).toBe("SESSION_FROZEN");
  await tollhouse.recorded();
  const { sessions, total } = await ask<{ sessions: Session[]; total: number }>("GET", "/api/dashboard/sessions");
  const listed = sessions.find((one) => one.session === "listed") as Session & { readonly cost: string };
  expect(listed).toMatchObject({ state: "frozen", calls: 2, blocked: 1, output_tokens: 100 });
  expect(listed.budgets).toMatchObject([{ settled: listed.cost, default: true }]);
  expect(total).toBe(sessions.length);
  const one = await ask<{ sessions: Session[]; total: number }>("GET", "/api/dashboard/sessions?limit=1");
  expect([one.sessions.length, one.total]).toEqual([1, total]);
  const stats = await ask<Record<string, unknown>>("GET", "/api/dashboard/stats");
  expect(stats).toMatchObject({ hours: 24, sessions: total, frozen_sessions: 1, kill_switches: 0, running_calls: 0 });
  expect(Number(stats["cost"])).toBeGreaterThan(0);
  await expect(ask("GET", "/api/dashboard/sessions?limit=0")).rejects.toThrow(/limit: expected a whole number/);
  const answer = await fetch(`${tollhouse.address}/api/dashboard/sessions`);
  expect(answer.status).toBe(401);
});

test("kill switches, blocks and frozen sessions survive a restart, lifted ones stay lifted, and expiry goes on", async () => {
  const reason = "restart";
  await ask("POST", "/api/v1/kill-switches", { scope: "agent:stopped", reason });
  const lifted = await ask<Made>("POST", "/api/v1/kill-switches", { scope: "agent:lifted", reason });
  await ask("DELETE", `/api/v1/kill-switches/${lifted.id}`);
  await ask("POST", "/api/v1/blocks", { scope: "user:stopped", reason });
  await ask("POST", "/api/v1/blocks", { scope: "user:brief", reason, expires_in: 1 });
  await ask("POST", "/api/v1/sessions/stopped/freeze");
  const before = await ask("GET", "/api/v1/kill-switches");
  await restart();
  expect(await ask("GET", "/api/v1/kill-switches")).toEqual(before);
  expect(await call({ agent: "stopped" })).toBe("KILL_SWITCH_ACTIVE");
  expect(await call({ user: "stopped" })).toBe("USER_BLOCKED");
  expect(await call({ session: "stopped" })).toBe("SESSION_FROZEN");
  expect(await call({ agent: "lifted" })).toBeNull();
  const deadline = performance.now() + 10_000;
  while ((await call({ user: "brief" })) !== null) expect(performance.now()).toBeLessThan(deadline);
  await restart();
  const { blocks } = await ask<{ blocks: { scope: string; state: string }[] }>("GET", "/api/v1/blocks");
  expect(blocks.map(({ scope, state }) => [scope, state])).toEqual([
    ["user:brief", "expired"],
    ["user:stopped", "active"],
  ]);
});
