import { randomBytes } from "node:crypto";
import type { Limit } from "@tollhouse/engine";
import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import { connectRedis, type RedisCounters } from "../redis/redis-counters.ts";
import type { RebuildSource } from "../shared-counters.ts";
import { CountersOfNode, type CountersOfNodeParts } from "./counters-of-node.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const usd = (amount: bigint) => ({ usd: amount, tokens: 0n, requests: 1n });

/** A node: its connection, its counters, and what it said of itself. */
interface Node {
  readonly shared: RedisCounters;
  readonly counters: CountersOfNode;
  readonly distrusted: string[];
  readonly failures: unknown[];
  admitting: boolean;
}

let redis: StartedRedis;
let epoch = 0n;
const opened: Node[] = [];

beforeAll(async () => {
  redis = await startedRedis();
});
afterAll(async () => {
  for (const { counters, shared } of opened) {
    await counters.close();
    await shared.close();
  }
  await redis.remove();
});

function connected(name: string, parts: Partial<CountersOfNodeParts> = {}, deadlineMs = 30_000): Node {
  const shared = connectRedis({ urls: [redis.url], node: name, installation: "test", deadlineMs, now: () => NOW });
  const node: Node = {
    shared,
    distrusted: [],
    failures: [],
    admitting: true,
    counters: new CountersOfNode({
      shared,
      admitting: () => node.admitting,
      writtenOut: () => true,
      now: () => NOW,
      allowance: 0n,
      failed: (error) => void node.failures.push(error),
      distrust: (reason) => void node.distrusted.push(reason),
      keepAliveEveryMs: 3_600_000,
      ...parts,
    }),
  };
  opened.push(node);
  return node;
}

async function* none(): AsyncGenerator<never> {}
const NOTHING: RebuildSource = { tenants: [], sums: none, open: none };

/** Makes the counters anew, as the fence does: every node lays down, one rebuilds, every node enters. */
async function rebuilt(nodes: readonly Node[], from: RebuildSource = NOTHING): Promise<void> {
  epoch += 1n;
  for (const { shared, counters } of nodes) {
    shared.enter(null);
    counters.layDown();
  }
  await nodes[0]?.shared.rebuild(epoch, from);
  for (const { shared, counters } of nodes) {
    shared.enter(epoch);
    counters.entered();
  }
}

async function started(many: number, parts: Partial<CountersOfNodeParts> = {}, deadlineMs?: number) {
  const tenant = randomBytes(16).toString("hex");
  const nodes = Array.from({ length: many }, (_, i) => connected(`${tenant}-${i}`, parts, deadlineMs));
  await rebuilt(nodes, { ...NOTHING, tenants: [tenant] });
  const [first = connected("never")] = nodes;
  return { tenant, nodes, first, of: nodes.map(({ counters }) => counters.of(tenant)), own: first.counters.of(tenant) };
}

const told = (...nodes: readonly Node[]) =>
  expect
    .poll(() => nodes.map(({ counters }) => counters.state().untold), { timeout: 10_000 })
    .toEqual(nodes.map(() => 0));

async function standing(node: Node, tenant: string, limit: Limit): Promise<[bigint, bigint]> {
  const [state] = await node.shared.of(tenant).look([limit], NOW);
  return [state?.settled ?? -1n, state?.reserved ?? -1n];
}

describe("while the store answers", () => {
  test("what a check used that another node let go meanwhile counts all the same, once", async () => {
    const { of, nodes, first, tenant } = await started(2);
    const limit = limitOf("a", { amount: 100n });
    await of[0]?.reserve("check", [limit], usd(10n), NOW);
    of[1]?.restore("check", [limit], usd(10n), NOW);
    await first.shared.of(tenant).release("check");
    of[1]?.settle("check", usd(7n));
    await told(...nodes);
    expect(await standing(first, tenant, limit)).toEqual([7n, 0n]);
    expect(nodes.flatMap(({ failures, distrusted }) => [...failures, ...distrusted])).toEqual([]);
  });

  test("what ended is told before what is asked next in that turn, and not while the disk refuses to keep it", async () => {
    let refuses = false;
    const { own, first, tenant } = await started(1, { writtenOut: () => !refuses });
    const limit = limitOf("a", { amount: 10n });
    await own.reserve("one", [limit], usd(10n), NOW);
    own.settle("one", usd(3n));
    expect((await own.reserve("two", [limit], usd(7n), NOW)).outcome).toBe("reserved");
    refuses = true;
    own.settle("two", usd(1n));
    // Others would spend what a start after a kill ends at all that was held.
    expect((await own.reserve("three", [limit], usd(1n), NOW)).outcome).toBe("refused");
    expect(await standing(first, tenant, limit)).toEqual([3n, 7n]);
    refuses = false;
    await told(first);
    expect(await standing(first, tenant, limit)).toEqual([4n, 0n]);
  });

  test("1,000 calls at once over three nodes, on a budget that fits 100: exactly 100 are admitted, each counted once (E3)", async () => {
    const { of, nodes, first, tenant } = await started(3, { answerMs: 60_000 });
    const limits = [limitOf("a", { amount: 1_000n }), limitOf("b", { window: "rolling_24h", amount: 1_000n })];
    let admitted = 0;
    const call = async (i: number): Promise<void> => {
      const counters = of[i % 3];
      const result = await counters?.reserve(`r${i}`, limits, usd(10n), NOW);
      if (result?.outcome !== "reserved") return;
      admitted += 1;
      if (i % 2 === 0) await counters?.extend(`r${i}`, usd(0n));
    };
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => call(i)));
    expect(admitted).toBe(100);
    for (let i = 0; i < 1_000; i++) if (i % 7 === 0) of[i % 3]?.release(`r${i}`);
    await told(...nodes);
    const [settled, reserved] = await standing(first, tenant, limits[0] as Limit);
    expect(settled).toBe(0n);
    expect(reserved).toBeLessThan(1_000n);
    // What was given back is there again, and no more of it.
    let more = 0;
    for (let i = 1_000; i < 1_200; i++)
      if ((await of[i % 3]?.reserve(`r${i}`, limits, usd(10n), NOW))?.outcome === "reserved") more += 1;
    expect(BigInt(more) * 10n).toBe(1_000n - reserved);
  });

  test("an end is known at once, with the deltas that the store has: every limit in its own measure and window", async () => {
    const { own, first, tenant } = await started(1);
    const limits = [
      limitOf("life"),
      limitOf("tokens", { measure: "tokens", window: "day" }),
      limitOf("roll", { window: "rolling_24h" }),
    ];
    const used = { usd: 7n, tokens: 30n, requests: 1n };
    await own.reserve("r", limits, { usd: 9n, tokens: 20n, requests: 1n }, NOW);
    const overruns: unknown[] = [];
    const deltas = own.settle("r", used);
    expect(deltas.map(({ amount }) => amount)).toEqual([7n, 30n, 7n]);
    await told(first);
    // Repeated at the store, it says what it has counted.
    expect(await first.shared.of(tenant).settle("r", used)).toEqual(deltas);
    expect(overruns).toEqual([]);
    expect(() => own.settle("r", used)).toThrow(/unknown/);
  });

  test("what a call used above what it held is counted in full, and told", async () => {
    const overruns: bigint[] = [];
    const { own, first, tenant } = await started(1, { onOverrun: ({ amount }) => void overruns.push(amount) });
    const limit = limitOf("a", { amount: 100n });
    await own.reserve("r", [limit], usd(10n), NOW);
    own.settle("r", usd(130n));
    await told(first);
    expect(overruns).toEqual([120n]);
    expect(await standing(first, tenant, limit)).toEqual([130n, 0n]);
    expect((await own.reserve("r2", [limit], usd(0n), NOW)).outcome).toBe("refused");
  });

  test("a call without limits asks the store nothing, and goes while it is closed", async () => {
    const { own, first } = await started(1);
    first.admitting = false;
    first.shared.enter(null);
    expect((await own.reserve("r", [], usd(1n), NOW)).outcome).toBe("reserved");
    expect((await own.extend("r", usd(1n))).outcome).toBe("reserved");
    expect(own.settle("r", usd(2n))).toEqual([]);
  });

  test("usage that held nothing is counted once an id and limit, however often it is told", async () => {
    const { own, first, tenant } = await started(1);
    const limit = limitOf("a", { window: "month" });
    for (let i = 0; i < 3; i++)
      expect(own.add(limit, NOW, 5n, "dec")).toMatchObject({
        limitId: limit.id,
        windowId: "2026-11-01T00:00Z",
        amount: 5n,
      });
    await told(first);
    expect(await standing(first, tenant, limit)).toEqual([5n, 0n]);
  });

  test("a budget that is lowered under a running stream refuses its next extension, a policy's own as any other", async () => {
    const { own } = await started(1);
    for (const [id, perCall] of [
      ["plain", undefined],
      ["policy", "held"],
    ] as const) {
      const given = limitOf(id, { amount: 100n, ...(perCall && { perCall }) });
      await own.reserve(id, [given], usd(50n), NOW);
      const lowered = { ...given, amount: 55n, version: given.version + 1 };
      expect((await own.extend(id, usd(5n), [lowered])).outcome).toBe("reserved");
      expect((await own.extend(id, usd(1n), [lowered])).outcome).toBe("refused");
      expect((await own.extend(id, usd(1n), [{ ...lowered, amount: 56n, version: given.version + 2 }])).outcome).toBe(
        "reserved",
      );
    }
  });

  test("a reservation that is kept alive is nobody else's to end", async () => {
    const { own, of, nodes, first, tenant } = await started(2, { aliveMs: 100_000 });
    const limit = limitOf("a");
    await own.reserve("kept", [limit], usd(1n), NOW);
    await of[1]?.reserve("left", [limit], usd(1n), NOW);
    await first.counters.keepAlive();
    const overdue = await nodes[1]?.shared.of(tenant).overdue(NOW + 60_000, 10);
    expect(overdue?.map(({ id }) => id)).toEqual(["left"]);
  });

  test("what the node saw last is advice: it follows the node's own ends, and is nothing in a new window", async () => {
    const { own, first } = await started(1);
    const limit = limitOf("a", { window: "hour", amount: 100n });
    expect(own.read(limit, NOW)).toBeNull();
    await own.reserve("r", [limit], usd(60n), NOW);
    expect(own.read(limit, NOW)).toMatchObject({ settled: 0n, reserved: 60n });
    own.settle("r", usd(20n));
    expect(own.read(limit, NOW)).toMatchObject({ settled: 20n, reserved: 0n });
    expect(await own.room([limit], NOW)).toMatchObject({ usd: 80n });
    expect(own.read(limit, NOW + 3_600_000)).toBeNull();
    await told(first);
  });
});

describe("while the store does not answer", () => {
  test("a reserve whose answer was lost holds nothing once the store is there again", async () => {
    const { own, first, tenant } = await started(1, {}, 100);
    const limit = limitOf("a");
    await own.reserve("before", [limit], usd(1n), NOW);
    redis.pause();
    await expect(own.reserve("lost", [limit], usd(50n), NOW)).rejects.toMatchObject({ why: "slow" });
    expect(own.settle("before", usd(1n))).toHaveLength(1);
    expect(first.counters.state().untold).toBe(2);
    redis.resume();
    await told(first);
    await expect.poll(() => standing(first, tenant, limit), { timeout: 10_000 }).toEqual([1n, 0n]);
  });

  test("an answer that was left lying, as by a process that was stopped, admits nothing, extends nothing, and holds nothing", async () => {
    // Every answer is older than that.
    const { own, first, tenant } = await started(1, { answerMs: -1 });
    const limit = limitOf("a");
    await first.shared.of(tenant).reserve("running", [limit], usd(1n), NOW);
    own.restore("running", [limit], usd(1n), NOW);
    await expect(own.reserve("late", [limit], usd(50n), NOW)).rejects.toMatchObject({ why: "slow" });
    await expect(own.extend("running", usd(5n))).rejects.toMatchObject({ why: "slow" });
    own.settle("running", usd(1n));
    await told(first);
    expect(await standing(first, tenant, limit)).toEqual([1n, 0n]);
  });

  test("an extension whose answer was lost may be asked for again, and holds once", async () => {
    const { own, first, tenant } = await started(1, {}, 100);
    const limit = limitOf("a");
    await own.reserve("r", [limit], usd(10n), NOW);
    redis.pause();
    await expect(own.extend("r", usd(5n))).rejects.toMatchObject({ why: "slow" });
    redis.resume();
    await expect
      .poll(() => Promise.resolve(own.extend("r", usd(5n))).then(({ outcome }) => outcome, String), { timeout: 10_000 })
      .toBe("reserved");
    expect(await standing(first, tenant, limit)).toEqual([0n, 15n]);
    own.settle("r", usd(15n));
    await told(first);
  });

  test("after answers that did not come for half a second calls are refused without waiting, and admitted again once it answers", async () => {
    const { own, first } = await started(1, {}, 100);
    const limit = limitOf("a");
    redis.pause();
    let i = 0;
    const asked = () => own.reserve(`r${i++}`, [limit], usd(1n), NOW);
    while (first.counters.state().notAsked === 0) await expect(asked()).rejects.toMatchObject({ why: "slow" });
    expect(i).toBeGreaterThanOrEqual(3);
    await expect(asked()).rejects.toMatchObject({ why: "unreachable" });
    redis.resume();
    const again = () =>
      Promise.resolve(own.reserve(`r${i++}`, [limit], usd(1n), NOW)).then(({ outcome }) => outcome, String);
    await expect.poll(again, { timeout: 10_000 }).toBe("reserved");
    expect(first.counters.state().notAsked).toBe(0);
    await told(first);
  });

  test("fail-open: no more than the allowance is uncounted, whatever ends meanwhile; all of it is counted afterwards", async () => {
    const { own, first, tenant } = await started(1, { allowance: 100n }, 100);
    const limit = limitOf("a", { amount: 1_000n });
    const soft = limitOf("b", { mode: "soft" });
    redis.pause();
    await expect(own.reserve("x", [limit], usd(1n), NOW)).rejects.toThrow();
    expect(own.admitUncounted("one", [limit, soft], usd(60n), NOW)).toMatchObject({ of: 100n, left: 40n });
    expect(own.admitUncounted("two", [limit, soft], usd(60n), NOW)).toBeNull();
    // Its end gives nothing back: it is spent, and the store does not know.
    expect(own.settle("one", usd(70n)).map(({ amount }) => amount)).toEqual([70n, 70n]);
    expect(own.admitUncounted("three", [limit], usd(31n), NOW)).toBeNull();
    expect(own.admitUncounted("four", [limit], usd(30n), NOW)).toMatchObject({ left: 0n });
    own.release("four");
    expect(first.counters.state().allowance).toEqual({ of: 100n, used: 70n });
    // A call of unknown cost is bounded by no amount of money; one that only soft limits hold needs none.
    expect(own.admitUncounted("five", [limit], usd(0n), NOW)).toBeNull();
    expect(own.admitUncounted("six", [soft], usd(500n), NOW)).toMatchObject({ left: 30n });
    own.settle("six", usd(500n));
    redis.resume();
    await told(first);
    expect(first.counters.state().allowance.used).toBe(0n);
    expect(await standing(first, tenant, limit)).toEqual([70n, 0n]);
    expect(await standing(first, tenant, soft)).toEqual([570n, 0n]);
  });

  test("fail-open: a limit that was seen full admits nothing", async () => {
    const { own, first } = await started(1, { allowance: 1_000n });
    const limit = limitOf("a", { amount: 50n });
    await own.reserve("r", [limit], usd(50n), NOW);
    own.settle("r", usd(45n));
    expect(own.admitUncounted("six", [limit], usd(6n), NOW)).toBeNull();
    expect(own.admitUncounted("five", [limit], usd(5n), NOW)).not.toBeNull();
    own.release("five");
    await told(first);
  });

  test("more ends than may wait ask for a rebuild, and nothing is admitted until they are told", async () => {
    const { own, first } = await started(1, { untoldMax: 3 }, 100);
    const limit = limitOf("a");
    for (let i = 0; i < 5; i++) await own.reserve(`r${i}`, [limit], usd(1n), NOW);
    redis.pause();
    for (let i = 0; i < 5; i++) own.settle(`r${i}`, usd(1n));
    expect(first.distrusted).toHaveLength(2);
    expect(first.counters.state().untold).toBe(3);
    await expect(own.reserve("r5", [limit], usd(1n), NOW)).rejects.toMatchObject({ why: "slow" });
    expect(own.admitUncounted("r6", [limit], usd(1n), NOW)).toBeNull();
    redis.resume();
    await told(first);
    expect((await own.reserve("r7", [limit], usd(1n), NOW)).outcome).toBe("reserved");
  });
});
