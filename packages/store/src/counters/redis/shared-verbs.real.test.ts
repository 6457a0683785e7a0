import { randomBytes } from "node:crypto";
import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const RUNS = process.env["TOLLHOUSE_LONG"] === undefined ? 20 : 300;
const usd = (amount: bigint) => ({ usd: amount, tokens: 0n, requests: 1n });

let redis: StartedRedis;
/** Three nodes, each with a connection of its own. */
let nodes: readonly RedisCounters[];

beforeAll(async () => {
  redis = await startedRedis();
  nodes = [1, 2, 3].map((i) =>
    connectRedis({ urls: [redis.url], installation: "inst", node: `node-${i}`, deadlineMs: 60_000, now: () => NOW }),
  );
  await nodes[0]?.rebuild(1n, { tenants: [], sums: none, open: none });
  for (const node of nodes) {
    node.enter(1n);
    await node.joined();
  }
});
afterAll(async () => {
  for (const node of nodes) await node.close();
  await redis.remove();
});

async function* none(): AsyncGenerator<never> {}

/** One tenant's counters, as each node has them. */
async function fresh() {
  const tenant = randomBytes(16).toString("hex");
  await nodes[0]?.open(tenant);
  const stores = nodes.map((node) => node.of(tenant));
  const [first, second, third] = stores;
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are three nodes");
  return { first, second, third, stores, tenant };
}

test("1,000 calls at once over three nodes, on a budget that fits 100: exactly 100 are admitted (E3)", async () => {
  const { stores } = await fresh();
  const limits = [limitOf("a", { amount: 100n }), limitOf("b", { window: "rolling_24h", amount: 100n })];
  const results = await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => (stores[i % 3] ?? stores[0])?.reserve(`r${i}`, limits, usd(1n), NOW)),
  );
  expect(results.filter((result) => result?.outcome === "reserved")).toHaveLength(100);
  for (const store of stores)
    expect((await store.look(limits, NOW)).map(({ reserved }) => reserved)).toEqual([100n, 100n]);
});

test("verbs that are repeated by any node, in any order, change nothing: the counters are those of each verb once", async () => {
  const call = fc.record({
    held: fc.bigInt(0n, 50n),
    used: fc.option(fc.bigInt(0n, 80n), { nil: null }),
    more: fc.bigInt(0n, 20n),
    times: fc.integer({ min: 1, max: 3 }),
    by: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), async (calls) => {
      const { first, stores } = await fresh();
      const limits = [limitOf("a", { amount: 10n ** 9n }), limitOf("b", { window: "rolling_24h", mode: "soft" })];
      let [settled, reserved] = [0n, 0n];
      const work = calls.map(async ({ held, used, more, times, by }, i) => {
        const own = stores[i % 3] ?? first;
        const other = stores[by] ?? first;
        for (let n = 0; n < times; n++) await own.reserve(`r${i}`, limits, usd(held), NOW);
        if (i % 2 === 0) await own.extend(`r${i}`, usd(more));
        const holds = held + (i % 2 === 0 ? more : 0n);
        for (let n = 0; n < times && i % 5 !== 4; n++)
          await (used === null ? other.release(`r${i}`) : other.settle(`r${i}`, { ...usd(used), requests: 1n }));
        if (i % 5 === 4) reserved += holds;
        else settled += used ?? 0n;
      });
      await Promise.all(work);
      for (const { settled: s, reserved: r } of await first.look(limits, NOW))
        expect([s, r]).toEqual([settled, reserved]);
    }),
    { numRuns: RUNS },
  );
});

test("a reserve that arrives after its release holds nothing", async () => {
  const { first, second } = await fresh();
  const limit = limitOf("a");
  await second.release("r");
  await first.reserve("r", [limit], usd(5n), NOW);
  expect((await first.read(limit, NOW)).reserved).toBe(0n);
});

test("sums at both edges of 64 bits and of a double are exact, or refused whole", async () => {
  const most = 2n ** 63n - 1n;
  const edges = [1n, 10n ** 9n, 10n ** 15n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, most - 1n, most];
  for (const held of edges) {
    for (const limitAmount of edges) {
      const { first } = await fresh();
      const limit = limitOf("a", { amount: limitAmount });
      const fits = held <= limitAmount;
      expect((await first.reserve("r", [limit], usd(held), NOW)).outcome).toBe(fits ? "reserved" : "refused");
      if (!fits) continue;
      const left = limitAmount - held;
      if (left < most) expect((await first.reserve("over", [limit], usd(left + 1n), NOW)).outcome).toBe("refused");
      const result = await first.reserve("rest", [limit], usd(left), NOW);
      expect(result).toMatchObject({ outcome: "reserved", states: [{ settled: 0n, reserved: limitAmount }] });
      await first.settle("r", usd(held));
      expect(await first.read(limit, NOW)).toMatchObject({ settled: held, reserved: left });
    }
  }
  const { first } = await fresh();
  const soft = [limitOf("a", { mode: "soft" }), limitOf("roll", { mode: "soft", window: "rolling_24h" })];
  await first.reserve("r1", soft, usd(most), NOW);
  await expect(first.reserve("r2", soft, usd(1n), NOW)).rejects.toThrow(RangeError);
  await first.settle("r1", usd(most));
  await first.reserve("r3", soft, usd(1n), NOW);
  await expect(first.settle("r3", usd(1n))).rejects.toThrow(RangeError);
  for (const state of await first.look(soft, NOW)) expect(state).toMatchObject({ settled: most, reserved: 1n });
});

test("an adjustment is counted once an id, with either sign", async () => {
  const { first, second } = await fresh();
  const limits = [limitOf("a"), limitOf("roll", { window: "rolling_24h" })];
  const slot = String(Math.floor(NOW / 900_000));
  const change = (amount: bigint) => [
    { limitId: "lim_a", windowId: "lifetime", amount },
    { limitId: "lim_roll", windowId: slot, amount },
  ];
  for (const store of [first, second, first]) await store.adjust("one", change(40n));
  await second.adjust("two", change(-65n));
  for (const state of await first.look(limits, NOW)) expect(state).toMatchObject({ settled: -25n, reserved: 0n });
  expect((await first.reserve("r", limits, usd(1_025n), NOW)).outcome).toBe("reserved");
  expect((await first.reserve("r2", limits, usd(1n), NOW)).outcome).toBe("refused");
});

test("an overdue reservation is ended once at what it holds, and its owner's word is counted as a difference, once", async () => {
  const { first, second, third } = await fresh();
  const limit = limitOf("a");
  for (const id of ["late", "never", "takenBack", "alive"]) await first.reserve(id, [limit], usd(10n), NOW);
  expect(await second.overdue(NOW + 1, 10)).toEqual([]);
  const later = NOW + 40_000;
  expect(await first.keepAlive(["alive", "unknown"], later + 1)).toEqual(["unknown"]);
  const overdue = await second.overdue(later, 10);
  expect(overdue.map(({ id }) => id).toSorted()).toEqual(["late", "never", "takenBack"]);
  const held = [{ limitId: "lim_a", windowId: "lifetime", amount: 10n }];
  expect(overdue[0]).toMatchObject({ owner: "node-1", held: [{ ...held[0], measure: "usd" }], expired: false });
  for (const id of ["late", "never", "takenBack"]) {
    expect(await second.expire(id, later)).toEqual({ outcome: "expired", used: usd(10n), deltas: held });
    // Repeated, by whoever did not get the first answer.
    expect(await third.expire(id, later)).toMatchObject({ outcome: "expired", deltas: held });
  }
  expect(await second.expire("alive", later)).toEqual({ outcome: "kept" });
  expect(await second.expire("nobody's", later)).toEqual({ outcome: "unknown" });
  expect(await first.read(limit, NOW)).toMatchObject({ settled: 30n, reserved: 10n });
  for (let n = 0; n < 2; n++) {
    expect(await first.settle("late", usd(4n))).toEqual([{ ...held[0], amount: 4n }]);
    await first.release("takenBack");
  }
  const settled = { used: usd(4n), deltas: [{ ...held[0], amount: 4n }] };
  expect(await second.expire("late", later)).toEqual({ outcome: "settled", ...settled });
  expect(await second.expire("takenBack", later)).toEqual({ outcome: "released" });
  expect(await first.read(limit, NOW)).toMatchObject({ settled: 14n, reserved: 10n });
  await expect(first.extend("never", usd(1n))).rejects.toThrow(/expired/);
  // Whoever died before writing it down is followed by another.
  expect((await third.overdue(later + 60_001, 10)).map(({ id, expired }) => [id, expired])).toEqual([
    ["alive", false],
    ["never", true],
  ]);
  await third.confirmExpired(["never"]);
  expect((await third.overdue(later + 60_001, 10)).map(({ id }) => id)).toEqual(["alive"]);
});

test("a node with an older version of a limit is held to the newer one, and one that reads sees it", async () => {
  const { first, second } = await fresh();
  const old = limitOf("a", { amount: 100n, version: 1 });
  const lowered = { ...old, amount: 5n, version: 2 };
  await first.reserve("r", [old], usd(4n), NOW);
  await second.reserve("r2", [lowered], usd(1n), NOW);
  expect(await first.reserve("r3", [old], usd(1n), NOW)).toMatchObject({ outcome: "refused", by: { limit: lowered } });
  expect((await first.extend("r", usd(1n))).outcome).toBe("refused");
  expect((await first.read(old, NOW)).limit).toEqual(lowered);
  expect(await first.room([old], NOW)).toMatchObject({ usd: 0n });
});

test("what nobody needs any more has a time to live; what is pending, or for life, has none", async () => {
  const { first, tenant } = await fresh();
  const limits = [limitOf("life"), limitOf("hour", { window: "hour" }), limitOf("roll", { window: "rolling_24h" })];
  await first.reserve("open", limits, usd(1n), NOW);
  await first.reserve("ended", limits, usd(1n), NOW);
  await first.settle("ended", usd(1n));
  const kept = async (key: string): Promise<number> =>
    Number(/^:(-?\d+)/.exec(await redis.command("PTTL", `th:{inst/${tenant}}:1:${key}`))?.[1]);
  expect(await kept("r:open")).toBe(-1);
  expect(await kept("c:lim_life:lifetime")).toBe(-1);
  expect(await kept("r:ended")).toBeGreaterThan(9 * 60_000);
  // To the end of its hour and an hour more; a day and some slots, and an hour more.
  expect(await kept("c:lim_hour:2026-11-21T06:00Z")).toBeGreaterThan(80 * 60_000);
  expect(await kept("w:lim_roll")).toBeGreaterThan(25 * 3_600_000);
  // A call that is kept alive past the end of its windows keeps their counters.
  await first.keepAlive(["open"], NOW + 9 * 3_600_000);
  expect(await kept("c:lim_hour:2026-11-21T06:00Z")).toBeGreaterThan(9 * 3_600_000);
});
