import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Limit } from "@tollhouse/engine";
import {
  callByDecision,
  DEFAULT_TENANT,
  foldCounters,
  inRebuildSnapshot,
  INSTALLATION_ROLE,
  joinNodes,
  joinRoles,
  LedgerKeys,
  listExpiredChecks,
  openDatabase,
  openSpool,
  startRecorder,
  verifyLedger,
  type IntentRecord,
  type OpenDatabase,
  type OutcomeRecord,
  type Recorder,
  type RedisCounters,
  type Spool,
  type UsageRecord,
} from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { startedRedis, testDatabase, type StartedRedis, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startSweeper, type Sweeper, type SweeperParts } from "./sweeper.ts";

// Nodes are what a node is to others: a spool with its recorder, a row, and reservations of its own in a real Redis.

const START = Date.UTC(2026, 10, 21, 6, 30);
const HELD = 1_000n;
const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const masterKey = Buffer.alloc(32, 7);
const LIMIT: Limit = {
  id: "lim_org",
  scope: "org",
  measure: "usd",
  amount: 1_000_000n,
  window: "lifetime",
  timeZone: "UTC",
  mode: "hard",
  version: 1,
  derived: false,
};
const CALLS_LIMIT: Limit = { ...LIMIT, id: "lim_calls", measure: "requests", amount: 1_000n };
const LIMITS = [LIMIT, CALLS_LIMIT];

interface Node {
  readonly id: string;
  readonly spool: Spool;
  readonly recorder: Recorder;
  readonly redis: RedisCounters;
}

let redis: StartedRedis;
let database: TestDatabase;
let db: OpenDatabase;
let dir: string;
let nodes: Node[];
let sweepers: Sweeper[];
let nowMs: number;
let made = 0;
let world = 0;

beforeAll(async () => {
  redis = await startedRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  database = await testDatabase();
  await joinRoles(database.db);
  db = await openDatabase({ url: database.url }, { connectionsMax: 4, role: INSTALLATION_ROLE });
  dir = mkdtempSync(join(tmpdir(), "tollhouse-sweeper-"));
  nodes = [];
  sweepers = [];
  nowMs = START;
  world += 1;
});
afterEach(async () => {
  await Promise.all(sweepers.map((sweeper) => sweeper.close()));
  for (const node of nodes) {
    await node.recorder.stop();
    await node.spool.close();
    await node.redis.close();
  }
  await db.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

/** The first one opens the counters, and nodes that come later enter them. */
async function node(): Promise<Node> {
  const spool = await openSpool({ dir: join(dir, `spool-${nodes.length}`) });
  const recorder = startRecorder({
    spool,
    databaseUrl: database.url,
    masterKey,
    role: INSTALLATION_ROLE,
    onError: () => undefined,
  });
  const counters = connectRedis({
    urls: [redis.url],
    installation: `world${world}`,
    node: spool.node,
    deadlineMs: 60_000,
    now: () => nowMs,
  });
  await counters.joined();
  if (nodes.length === 0)
    await inRebuildSnapshot(db, { epoch: 1n, nowMs, holdMs: 30_000 }, ({ source }) => counters.rebuild(1n, source));
  counters.enter(1n);
  const process = { name: "a node", pid: 1, roles: ["gateway"], version: "0", address: "", owes: false };
  await joinNodes(db, { id: spool.node, instance: spool.node, ...process });
  const one = { id: spool.node, spool, recorder, redis: counters };
  nodes.push(one);
  return one;
}

/** Nothing was heard of it for two minutes, by PostgreSQL's clock; and its reservations are overdue. */
async function gone({ id }: Node): Promise<void> {
  await db.query("UPDATE nodes SET heartbeat_at = clock_timestamp() - interval '2 minutes' WHERE id = $1", [id]);
  nowMs = Math.max(nowMs, START + 40_000);
}

function sweeps(by: Node, over: Partial<SweeperParts> = {}): Sweeper {
  const sweeper = startSweeper({
    db,
    spool: by.spool,
    recorder: by.recorder,
    shared: by.redis,
    admitting: () => true,
    mine: () => true,
    tenants: () => [DEFAULT_TENANT],
    logger: { warning: () => undefined },
    now: () => nowMs,
    everyMs: 20,
    ...over,
  });
  sweepers.push(sweeper);
  return sweeper;
}

function intentOf(over: Partial<IntentRecord> = {}): IntentRecord {
  const decision = `${START.toString(16).padStart(12, "0")}7${(made += 1).toString(16).padStart(19, "0")}`;
  return {
    t: "intent",
    decision,
    timeMs: START,
    ...place,
    provider: "openai",
    model: "gpt-4o-mini",
    endpoint: "chat_completions",
    stream: true,
    dimensions: { session: "run-1" },
    key: null,
    priceVersion: "2026-11-01",
    reservedUsd: String(HELD),
    reservedTokens: "500",
    counters: LIMITS.map(({ id, measure }) => ({ limit: id, window: "lifetime", measure })),
    ...over,
  };
}

function amounts(usd: bigint): { usd: bigint; tokens: bigint; requests: bigint } {
  return { usd, tokens: 500n, requests: 1n };
}

/** Reserved and, unless it is younger than that, in the database. */
async function admitted(by: Node, over: Partial<IntentRecord> = {}, stored = true): Promise<IntentRecord> {
  const intent = intentOf(over);
  if (intent.counters.length > 0)
    await by.redis.of(place.tenant).reserve(intent.decision, LIMITS, amounts(HELD), START);
  if (!stored) return intent;
  await by.spool.append(intent);
  await by.recorder.layDown(() => undefined);
  by.recorder.goOn();
  return intent;
}

function outcomeOf({ decision, counters }: IntentRecord, cost: bigint): OutcomeRecord {
  return {
    t: "outcome",
    decision,
    timeMs: START + 90_000,
    end: "settled",
    status: 200,
    reason: null,
    usage: { input: 10, output: 20 },
    source: "reported",
    cost: String(cost),
    servedModel: null,
    tier: null,
    providerId: null,
    doubt: null,
    deltas: counters.map(({ measure }) => (measure === "usd" ? String(cost) : "1")),
    late: [],
    latencyMs: 90_000,
  };
}

/** What its node does when it ends: both at once. */
async function ends(by: Node, intent: IntentRecord, cost: bigint): Promise<void> {
  await by.redis.of(place.tenant).settle(intent.decision, amounts(cost));
  await by.spool.append(outcomeOf(intent, cost));
}

async function counted(): Promise<{ settled: bigint; reserved: bigint; calls: bigint }> {
  const [usd, calls] = (await nodes.at(-1)?.redis.of(place.tenant).look(LIMITS, nowMs)) ?? [];
  return { settled: usd?.settled ?? -1n, reserved: usd?.reserved ?? -1n, calls: calls?.settled ?? -1n };
}

/** In the ledger, as folded from its entries. */
async function written(): Promise<{ settled: bigint; calls: bigint }> {
  const sums = await foldCounters(db, place.tenant);
  const of = (id: string): bigint => sums.find(({ limitId }) => limitId === id)?.settled ?? 0n;
  return { settled: of("lim_org"), calls: of("lim_calls") };
}

async function entries(): Promise<Record<string, number>> {
  const { rows } = await db.query<{ what: string; count: bigint }>(
    `SELECT CASE WHEN flags & 64 <> 0 THEN 'taken back' WHEN flags & 128 <> 0 THEN 'restated' WHEN flags & 32 <> 0 THEN 'swept' ELSE 'own' END
       AS what, count(*) FROM ledger_entries WHERE type <> 1 GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ what, count }) => [what, Number(count)]));
}

async function soundLedger(): Promise<void> {
  const keys = new LedgerKeys(masterKey);
  const verified = await verifyLedger(db, { tenant: place.tenant, from: 1n, to: "latest", keys });
  expect(verified.result).toBe("PASS");
}

const WITHIN = { timeout: 20_000, interval: 20 };

test("calls of a node that is gone are settled at what they held, once, by however many sweepers at a time", async () => {
  const [dead, second, third] = [await node(), await node(), await node()];
  await db.query(
    "INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version) VALUES ($1, 'prod', 'lim_org', 'org', 'usd', 1000000, 'lifetime', 'UTC', 'hard', 1)",
    [place.tenant],
  );
  for (let n = 0; n < 6; n++) await admitted(dead);
  for (let n = 0; n < 3; n++) await admitted(dead, {}, false);
  const free = await admitted(dead, { counters: [] });
  const live = await admitted(second);
  await gone(dead);
  for (const by of [second, third, second]) sweeps(by);
  await expect.poll(entries, WITHIN).toEqual({ swept: 10 });
  await expect.poll(counted, WITHIN).toEqual({ settled: 9n * HELD, reserved: HELD, calls: 9n });
  expect(await written()).toEqual({ settled: 9n * HELD, calls: 9n });
  // No counter has it, and no limit: what the database says is all there is.
  expect((await callByDecision(db, place.tenant, free.decision))?.call).toMatchObject({
    outcome: "settled",
    cost: "0.000001000",
    usage_source: "estimated",
  });
  const { rows } = await db.query("SELECT DISTINCT environment FROM ledger_entries WHERE type <> 1");
  expect(rows).toEqual([{ environment: "prod" }]);
  // Whoever lives keeps its own, however overdue.
  expect(await callByDecision(db, place.tenant, live.decision)).toBeNull();
  expect(await second.redis.of(place.tenant).overdue(nowMs + 100_000, 100)).toHaveLength(1);
  await soundLedger();
});

test("a node that comes back with the truth amends what was swept, once: in the counters and in the ledger", async () => {
  const [paused, other] = [await node(), await node()];
  const [stored, young] = [await admitted(paused), await admitted(paused, {}, false)];
  await gone(paused);
  const told: unknown[] = [];
  sweeps(other, { logger: { warning: (message, fields) => void told.push(message, fields) } });
  await expect.poll(entries, WITHIN).toEqual({ swept: 2 });
  expect(told).toEqual(["calls of nodes that did not come back were ended", { calls: 2 }]);
  await expect(paused.redis.of(place.tenant).extend(stored.decision, amounts(1n))).rejects.toThrow(/expired/);
  await paused.spool.append(young);
  for (let n = 0; n < 2; n++) {
    await ends(paused, stored, 300n);
    await paused.redis.of(place.tenant).settle(young.decision, amounts(1_500n));
  }
  await paused.spool.append(outcomeOf(young, 1_500n));
  await paused.recorder.drained();
  expect(await entries()).toEqual({ swept: 2, "taken back": 2, restated: 2 });
  expect(await written()).toEqual({ settled: 1_800n, calls: 2n });
  expect(await counted()).toEqual({ settled: 1_800n, reserved: 0n, calls: 2n });
  await soundLedger();
});

test("a sweeper that was stopped in between, and wakes when the call's own end is written, changes nothing", async () => {
  const [paused, other] = [await node(), await node()];
  const call = await admitted(paused);
  await gone(paused);
  const [asleep, woken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const append = async (record: Parameters<Spool["append"]>[0]): Promise<void> => {
    asleep.resolve();
    await woken.promise;
    await other.spool.append(record);
  };
  sweeps(other, { spool: { append } });
  await asleep.promise;
  await ends(paused, call, 300n);
  await paused.recorder.drained();
  woken.resolve();
  await expect.poll(async () => (await other.redis.of(place.tenant).overdue(nowMs, 10)).length, WITHIN).toBe(0);
  await other.recorder.drained();
  expect(await entries()).toEqual({ own: 1 });
  expect(await written()).toEqual({ settled: 300n, calls: 1n });
  expect(await counted()).toEqual({ settled: 300n, reserved: 0n, calls: 1n });
});

test("a sweeper that dies after it ended a call, and before that is written, is followed by another", async () => {
  const [dead, dies, next] = [await node(), await node(), await node()];
  await admitted(dead);
  await admitted(dead, {}, false);
  const check = await admitted(dead, { expiresMs: START + 35_000 });
  await gone(dead);
  const died = Promise.withResolvers<void>();
  const append = (): Promise<void> => {
    died.resolve();
    return Promise.reject(new Error("it is dead"));
  };
  const first = sweeps(dies, { spool: { append } });
  await died.promise;
  await expect.poll(counted, WITHIN).toMatchObject({ reserved: 0n });
  await first.close();
  expect(await entries()).toEqual({});
  nowMs += 120_000;
  sweeps(next);
  await expect.poll(entries, WITHIN).toEqual({ swept: 3 });
  await expect.poll(counted, WITHIN).toEqual({ settled: 2n * HELD, reserved: 0n, calls: 2n });
  expect(await written()).toEqual({ settled: 2n * HELD, calls: 2n });
  expect((await listExpiredChecks(db, place, null, 10)).map(({ decision }) => decision)).toEqual([check.decision]);
});

test("an end that is written, and that its node could not tell the counters any more, is told them as it is written", async () => {
  const [dead, other] = [await node(), await node()];
  const [settled, released] = [await admitted(dead), await admitted(dead)];
  await dead.spool.append(outcomeOf(settled, 400n));
  const nothing = { end: "released" as const, usage: {}, cost: "0", deltas: ["0", "0"] };
  await dead.spool.append({ ...outcomeOf(released, 0n), ...nothing });
  await dead.recorder.drained();
  await gone(dead);
  sweeps(other);
  await expect.poll(counted, WITHIN).toEqual({ settled: 400n, reserved: 0n, calls: 1n });
  expect(await entries()).toEqual({ own: 2 });
});

test("an end that the counters know, and whose node is gone before it was written, is written as they know it", async () => {
  const [dead, other] = [await node(), await node()];
  const [settled, released] = [await admitted(dead), await admitted(dead)];
  await dead.redis.of(place.tenant).settle(settled.decision, amounts(250n));
  await dead.redis.of(place.tenant).release(released.decision);
  await gone(dead);
  sweeps(other);
  await expect.poll(entries, WITHIN).toEqual({ swept: 2 });
  expect(await written()).toEqual({ settled: 250n, calls: 1n });
  expect(await counted()).toEqual({ settled: 250n, reserved: 0n, calls: 1n });
});

test("a check of a node that is gone holds until its time is over, then is let go and listed; one that is recorded elsewhere is neither", async () => {
  const [dead, other] = [await node(), await node()];
  const [open, over, recorded] = [
    await admitted(dead, { expiresMs: START + 600_000 }),
    await admitted(dead, { expiresMs: START + 20_000 }),
    await admitted(dead, { expiresMs: START + 20_000 }),
  ];
  await other.redis.of(place.tenant).settle(recorded.decision, amounts(120n));
  await gone(dead);
  sweeps(other);
  await expect.poll(entries, WITHIN).toEqual({ swept: 1 });
  await expect.poll(counted, WITHIN).toEqual({ settled: 120n, reserved: HELD, calls: 1n });
  await other.spool.append(usageOf(recorded, 120n));
  await other.recorder.drained();
  expect(await entries()).toEqual({ swept: 1, own: 1 });
  const listed = async (): Promise<string[]> =>
    (await listExpiredChecks(db, place, null, 10)).map(({ decision }) => decision);
  expect(await listed()).toEqual([over.decision]);
  nowMs = START + 700_000;
  await expect.poll(entries, WITHIN).toEqual({ swept: 2, own: 1 });
  expect(await counted()).toEqual({ settled: 120n, reserved: 0n, calls: 1n });
  expect((await listed()).toSorted()).toEqual([over.decision, open.decision].toSorted());
  expect(await written()).toEqual({ settled: 120n, calls: 1n });
});

function usageOf(intent: IntentRecord, cost: bigint): UsageRecord {
  const { decision, timeMs, tenant, environment, provider, model, endpoint, dimensions, key, priceVersion } = intent;
  const call = { decision, timeMs, tenant, environment, provider, model, endpoint, dimensions, key, priceVersion };
  return {
    t: "usage",
    ...call,
    recordedMs: nowMs,
    end: "settled",
    status: 200,
    usage: { input: 10, output: 20 },
    source: "reported",
    cost: String(cost),
    servedModel: null,
    tier: null,
    providerId: null,
    doubt: null,
    latencyMs: null,
    counters: intent.counters.map(({ limit, window, measure }) => ({
      limit,
      window,
      amount: measure === "usd" ? String(cost) : "1",
    })),
    ends: true,
    check: null,
    once: [],
  };
}

test("a long stream is left alone while its node keeps it alive, though PostgreSQL has not heard of the node", async () => {
  const [cutOff, other] = [await node(), await node()];
  const call = await admitted(cutOff);
  await gone(cutOff);
  await cutOff.redis.of(place.tenant).keepAlive([call.decision], nowMs + 30_000);
  const marker = await admitted(cutOff, { counters: [] });
  sweeps(other);
  // The other one, which nothing keeps alive, shows that the sweeper has been over both.
  await expect
    .poll(async () => (await callByDecision(db, place.tenant, marker.decision))?.call.outcome, WITHIN)
    .toBe("settled");
  expect(await callByDecision(db, place.tenant, call.decision)).toBeNull();
  expect(await counted()).toEqual({ settled: 0n, reserved: HELD, calls: 0n });
  expect((await cutOff.redis.of(place.tenant).extend(call.decision, amounts(5n))).outcome).toBe("reserved");
});
