import type { LimitAnswer, PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { DEFAULT_TENANT, foldCounters } from "@tollhouse/store";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { faultProxy } from "../../packages/testkit/src/fault-proxy.ts";
import { startedRedis, type StartedRedis } from "../../packages/testkit/src/started-redis.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { until } from "./side-by-side.ts";

// Limits, policies and resets that are made at one of two gateways while both take calls: each call is counted once, whether it ended
// before, while or after.

let redis: StartedRedis;
const worlds: StartedTollhouse[] = [];
let sessions = 0;
let session: string;
beforeAll(async () => {
  redis = await startedRedis();
  const env = { REDIS_URL: redis.url, DEFAULT_BUDGET: "1000" };
  worlds.push(await startedTollhouse({ env: { ...env, TOLLHOUSE_NODE_NAME: "one" } }));
  worlds.push(await startedTollhouse({ env: { ...env, TOLLHOUSE_NODE_NAME: "two" }, beside: one() }));
});
afterAll(async () => {
  for (const world of worlds.toReversed()) await world.stop();
  await redis.remove();
});
beforeEach(() => {
  session = `s${++sessions}`;
});

const one = (): StartedTollhouse => worlds[0] as StartedTollhouse;
const two = (): StartedTollhouse => worlds[1] as StartedTollhouse;

async function ask({ url }: StartedTollhouse, more: object = {}): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": session, ...more },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 8, messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
}

/** Calls at both, one after another in each of four lines, until `work` is done and a little longer; answers how many there were. */
async function whileCalled(work: () => Promise<unknown>): Promise<number> {
  let calls = 0;
  let left = Infinity;
  const line = async (world: StartedTollhouse): Promise<void> => {
    for (; left > 0; left--) {
      await ask(world);
      calls += 1;
    }
  };
  const lines = Promise.all([line(one()), line(two()), line(one()), line(two())]);
  try {
    await until("a few calls", () => Promise.resolve(calls >= 12));
    await work();
  } finally {
    left = 12;
    await lines;
  }
  return calls;
}

function limitAt(world: StartedTollhouse, id: string): Promise<LimitAnswer> {
  return world.control<LimitAnswer>("GET", `/api/v1/limits/${id}`);
}

/** At rest the counters that both share are what the ledger says, entry by entry. */
async function expectFolded(id: string): Promise<void> {
  await until("the last calls to be told", async () => (await limitAt(two(), id)).state.reserved === "0");
  for (const world of worlds) await world.recorded();
  const sums = await foldCounters(one().database.db, DEFAULT_TENANT);
  const folded = sums.filter(({ limitId }) => limitId === id).reduce((sum, { settled }) => sum + settled, 0n);
  const { state } = await limitAt(two(), id);
  expect(state).toMatchObject({ settled: folded.toString(), reserved: "0" });
}

const requests = (more: object = {}): object => ({
  scope: `session:${session}`,
  measure: "requests",
  amount: "100000",
  window: "lifetime",
  mode: "hard",
  ...more,
});

test.each(["lifetime", "day", "rolling_24h"])(
  "a new limit (%s) counts every call that both gateways have had, those that end meanwhile too",
  async (window) => {
    const made: LimitAnswer[] = [];
    const calls = await whileCalled(async () => {
      made.push(await one().control<LimitAnswer>("POST", "/api/v1/limits", requests({ window })));
    });
    const { id, state } = made[0] as LimitAnswer;
    expect(Number(state.settled)).toBeGreaterThanOrEqual(12);
    for (const world of worlds)
      await until("every call", async () => (await limitAt(world, id)).state.settled === String(calls));
    await expectFolded(id);
  },
);

test("what was counted so is there again after the store was emptied", async () => {
  for (const world of worlds) await ask(world);
  const { id } = await two().control<LimitAnswer>("POST", "/api/v1/limits", requests());
  await ask(one());
  await until("all three", async () => (await limitAt(one(), id)).state.settled === "3");
  await redis.command("FLUSHALL");
  await until("the sums to be back", () =>
    ask(two()).then(
      () => true,
      () => false,
    ),
  );
  await until("all four", async () => (await limitAt(one(), id)).state.settled === "4");
  await expectFolded(id);
});

test("two policies, made at both gateways in the same moment, come to count the same, and count it once", async () => {
  const document = (name: string): PolicyDocument => ({
    name,
    attach: "default",
    priority: 0,
    mode: "enforce",
    limits: [
      { measure: "requests", amount: "100000", window: "day", mode: "hard", scope: "session", time_zone: "Asia/Tokyo" },
    ],
  });
  const make = (world: StartedTollhouse, name: string): Promise<PolicyVersion> =>
    world.control<PolicyVersion>("POST", "/api/v1/policies", document(name));
  const made: PolicyVersion[] = [];
  const calls = await whileCalled(async () => {
    made.push(...(await Promise.all([make(one(), "a"), make(two(), "b")])));
  });
  const { db } = one().database;
  await until("both to be counted", async () => {
    const { rows } = await db.query("SELECT id FROM starting_counters");
    return rows.length === 0;
  });
  await ask(one());
  const decisions = await one().control<{ calls: { decision: string }[] }>("GET", "/api/v1/calls?limit=1");
  const decision = decisions.calls[0]?.decision as string;
  const counted = async (): Promise<string[]> => {
    const path = `/api/v1/decisions/${decision}`;
    const { limits } = await one().control<{ limits: { window: string; now: { settled: string } }[] }>("GET", path);
    return limits.filter(({ window }) => window === "day").map(({ now }) => now.settled);
  };
  await until("the last call to be told", async () => Number((await counted())[0]) > calls);
  expect(await counted()).toEqual([String(calls + 1)]);
  for (const { id } of made) await one().control("DELETE", `/api/v1/policies/${id}`);
});

test("a session that goes back to its default budget has spent what it had spent", async () => {
  const own = { scope: `session:${session}`, measure: "usd", amount: "5", window: "lifetime", mode: "hard" };
  const { id } = await one().control<LimitAnswer>("POST", "/api/v1/limits", own);
  await whileCalled(async () => {
    await until("the other to have it", () =>
      limitAt(two(), id).then(
        () => true,
        () => false,
      ),
    );
    await two().control("DELETE", `/api/v1/limits/${id}`);
  });
  for (const world of worlds) await world.recorded();
  const usage = await one().control<{ total: { cost: string } }>("GET", `/api/v1/usage?session=${session}`);
  await until("all of it", async () => (await budget()).settled === usage.total.cost);
});

interface Budget {
  readonly limit_id: string;
  readonly settled: string;
  readonly reserved: string;
  readonly default: boolean;
}

async function budget(at = one()): Promise<Budget> {
  const { budgets } = await at.control<{ budgets: Budget[] }>("GET", `/api/v1/sessions/${session}`);
  return budgets.find((each) => each.default) as Budget;
}

test("a reset at one gateway takes back what both have spent, once, also where both are asked for it", async () => {
  const calls = await whileCalled(() =>
    Promise.all(worlds.map((world) => world.control("POST", `/api/v1/sessions/${session}/reset`))),
  );
  await until("the last calls to be told", async () => (await budget()).reserved === "0.000000000");
  const { limit_id, settled } = await budget();
  for (const world of worlds) await world.recorded();
  const usage = await one().control<{ total: { cost: string } }>("GET", `/api/v1/usage?session=${session}`);
  expect(Number(settled)).toBeGreaterThan(0);
  expect(Number(settled)).toBeLessThan(Number(usage.total.cost));
  expect(calls).toBeGreaterThan(12);
  const sums = await foldCounters(one().database.db, DEFAULT_TENANT);
  const folded = sums.find(({ limitId }) => limitId === limit_id)?.settled ?? 0n;
  expect(folded).toBe(BigInt(settled.replace(".", "")));
  await two().control("POST", `/api/v1/sessions/${session}/reset`);
  expect((await budget()).settled).toBe("0.000000000");
});

test("what a process that ended in between has put in force, and not counted, another one counts", async () => {
  for (const world of worlds) await ask(world);
  for (const world of worlds) await world.recorded();
  const id = `lim_${session.padEnd(32, "0")}`;
  await one().database.db.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
       VALUES ($1, 'prod', $2, $3, 'requests', 100, 'lifetime', 'UTC', 'hard', 1)`,
      [DEFAULT_TENANT, id, `session:${session}`],
    );
    await tx.query(
      `INSERT INTO starting_counters (tenant, environment, id, version, made_at)
       VALUES ($1, 'prod', $2, 1, now() - interval '1 minute')`,
      [DEFAULT_TENANT, id],
    );
  });
  await until("it to be counted", async () => {
    const found = await limitAt(two(), id).catch(() => null);
    return found?.state.settled === "2";
  });
  await until("it to be done", async () => {
    return (await one().database.db.query("SELECT id FROM starting_counters")).rows.length === 0;
  });
  await expectFolded(id);
});

test("a gateway whose database does not answer says so and admits nothing; the others go on, and it has what they changed when it is back", async () => {
  const target = new URL(one().database.url);
  const socket = target.searchParams.get("host");
  const proxy = await faultProxy(
    socket === null
      ? { host: target.hostname, port: Number(target.port) }
      : { path: `${socket}/.s.PGSQL.${target.port}` },
  );
  target.searchParams.delete("host");
  target.host = `127.0.0.1:${proxy.port}`;
  const own = { DATABASE_URL: target.href, TOLLHOUSE_CONFIGURATION_STALE_SECONDS: "5", TOLLHOUSE_NODE_NAME: "three" };
  const env = { REDIS_URL: redis.url, DEFAULT_BUDGET: "1000", ...own };
  const three = await startedTollhouse({ env, beside: one() });
  const ready = async (): Promise<{ waiting_for?: string[] }> =>
    (await (await fetch(`${three.url}/ready`)).json()) as { waiting_for?: string[] };
  try {
    await ask(three);
    // What it had not recorded would not be known to a limit that is made while it is away.
    await three.recorded();
    proxy.set({ kind: "silent" });
    await until("it to say so", async () => (await ready()).waiting_for?.includes("configuration") === true);
    await expect(ask(three)).rejects.toThrow("status 503");
    await ask(one());
    // Nobody waits for it for longer than its lease.
    const { id } = await one().control<LimitAnswer>("POST", "/api/v1/limits", requests());
    expect((await limitAt(two(), id)).state.settled).toBe("2");
    proxy.set({ kind: "cut" });
    proxy.set(null);
    await until("it to be ready", async () => (await fetch(`${three.url}/ready`)).status === 200);
    await ask(three);
    await until("its call to be counted", async () => (await limitAt(three, id)).state.settled === "3");
  } finally {
    proxy.set(null);
    await three.stop();
    await proxy.close();
  }
});
