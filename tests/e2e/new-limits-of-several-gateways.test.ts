import type { LimitAnswer, PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { DEFAULT_TENANT, foldCounters } from "@tollhouse/store";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
  expect((await limitAt(one(), id)).state).toMatchObject({ settled: "3" });
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
  const explained = await one().control<{ limits: { scope: string; window: string; now: { settled: string } }[] }>(
    "GET",
    `/api/v1/decisions/${decision}`,
  );
  const ofPolicy = explained.limits.filter(({ window }) => window === "day");
  expect(ofPolicy.map(({ now }) => now.settled)).toEqual([String(calls + 1)]);
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
