import { startedRedisCluster, type StartedRedis, type StartedRedisCluster } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import { CountersUnavailable } from "../shared-counters.ts";
import { keyNames } from "./key-names.ts";
import { keySlot } from "./key-slot.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const TENANT = "0".repeat(32);
const LIMITS = [limitOf("a", { amount: 10_000n }), limitOf("day", { window: "day", amount: 10_000n })];
const SLOT = keySlot(keyNames("inst").fence(TENANT));
const LANES = 8;
const AMOUNTS = { usd: 1n, tokens: 0n, requests: 1n };

let redis: StartedRedisCluster;
let counters: RedisCounters;
beforeAll(async () => {
  redis = await startedRedisCluster();
  counters = connectRedis({ urls: redis.urls, installation: "inst", node: "node-1", deadlineMs: 30_000 });
  await counters.rebuild(1n, { tenants: [TENANT], async *sums() {}, async *open() {} });
  counters.enter(1n);
});
afterAll(async () => {
  await counters.close();
  await redis.remove();
});

/** As a node does: until it is acknowledged. What it may not do is fence. */
async function told<T>(verb: () => Promise<T>, onAgain: () => void): Promise<T> {
  for (const deadline = performance.now() + 50_000; ; onAgain()) {
    try {
      return await verb();
    } catch (error) {
      const again = error instanceof CountersUnavailable && error.why !== "fenced" && performance.now() < deadline;
      if (!again) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function idOf(node: StartedRedis): Promise<string> {
  return (await node.command("CLUSTER", "MYID")).split("\r\n")[1] ?? "";
}

async function ownerOf(slot: number): Promise<StartedRedis> {
  const each = 16_384 / redis.nodes.length;
  return redis.nodes.find((_, i) => slot < Math.ceil((i + 1) * each)) as StartedRedis;
}

async function keysIn(node: StartedRedis, count: number): Promise<string[]> {
  const lines = (await node.command("CLUSTER", "GETKEYSINSLOT", String(SLOT), String(count))).split("\r\n");
  return lines.filter((line) => line.startsWith("th:"));
}

test("a slot that moves to another master under load: every verb is counted once, and nothing is fenced", async () => {
  const from = await ownerOf(SLOT);
  const to = redis.nodes.find((node) => node !== from) as StartedRedis;
  const of = counters.of(TENANT);
  let [calls, again, moved] = [0, 0, false];
  const onAgain = (): void => void (again += 1);
  const open = Array.from({ length: 20 }, (_, i) => `open${i}`);
  for (const id of open) await of.reserve(id, LIMITS, AMOUNTS, NOW);
  const lane = async (name: number): Promise<void> => {
    for (let i = 0; !moved || i < 20; i++) {
      const id = `r${name}-${i}`;
      expect((await told(() => of.reserve(id, LIMITS, AMOUNTS, NOW), onAgain)).outcome).toBe("reserved");
      await told(() => of.settle(id, AMOUNTS), onAgain);
      calls++;
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, (_, name) => lane(name)));
  await expect.poll(() => calls, { timeout: 20_000, interval: 5 }).toBeGreaterThan(40);
  const [source, target] = [await idOf(from), await idOf(to)];
  await to.command("CLUSTER", "SETSLOT", String(SLOT), "IMPORTING", source);
  await from.command("CLUSTER", "SETSLOT", String(SLOT), "MIGRATING", target);
  const move = (keys: readonly string[]): Promise<string> =>
    from.command("MIGRATE", "127.0.0.1", String(to.port), "", "0", "5000", "KEYS", ...keys);
  // One counter of a call is there already, and the other one is not: what ends now must count on neither.
  await move((await keysIn(from, 10_000)).filter((key) => key.includes(":c:lim_day:")));
  const before = again;
  const ends = open.map((id) => told(() => of.settle(id, AMOUNTS), onAgain));
  await expect.poll(() => again - before, { timeout: 20_000, interval: 5 }).toBeGreaterThan(open.length);
  for (let keys = await keysIn(from, 5); keys.length > 0; keys = await keysIn(from, 5)) await move(keys);
  for (const node of redis.nodes) await node.command("CLUSTER", "SETSLOT", String(SLOT), "NODE", target);
  moved = true;
  await Promise.all([...ends, lanes]);
  for (const state of await told(
    () => of.look(LIMITS, NOW),
    () => undefined,
  ))
    expect(state).toMatchObject({ settled: BigInt(calls + open.length), reserved: 0n });
  expect(await keysIn(to, 1)).toHaveLength(1);
});
