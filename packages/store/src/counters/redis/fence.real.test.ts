import type { Limit } from "@tollhouse/engine";
import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import type { CounterChange, CountersUnavailable, RebuildSource } from "../shared-counters.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

const TENANT = "0".repeat(32);
const NOW = Date.UTC(2026, 10, 21, 6, 30);
const ON_ALL = [limitOf("life"), limitOf("day", { window: "day" }), limitOf("roll", { window: "rolling_24h" })];
const DAY = "2026-11-21T00:00Z";
const SLOT = String(Math.floor(NOW / 900_000));

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function redisOf(options: Parameters<typeof startedRedis>[0] = {}): Promise<StartedRedis> {
  const redis = await startedRedis(options);
  closing.push(() => redis.remove());
  return redis;
}

function node(redis: StartedRedis, name: string, deadlineMs = 30_000): RedisCounters {
  const counters = connectRedis({ urls: [redis.url], installation: "inst", node: name, deadlineMs });
  closing.push(() => counters.close());
  return counters;
}

async function opened(redis: StartedRedis, from: RebuildSource = source([])): Promise<RedisCounters> {
  const counters = node(redis, "node-1");
  await counters.rebuild(1n, from);
  counters.enter(1n);
  return counters;
}

function source(sums: readonly CounterChange[], held: readonly string[] = [], usd = 0n): RebuildSource {
  return {
    tenants: [TENANT],
    async *sums() {
      for (const sum of sums) yield { tenant: TENANT, ...sum };
    },
    async *open() {
      for (const id of held)
        yield {
          tenant: TENANT,
          id,
          owner: "node-1",
          deadlineMs: NOW + 60_000,
          held: ON_ALL.map(({ id: limitId, measure, window }) => ({
            limitId,
            windowId: window === "day" ? DAY : window === "lifetime" ? "lifetime" : SLOT,
            measure,
            amount: usd,
          })),
        };
    },
  };
}

function sumsOf(settled: bigint): readonly CounterChange[] {
  const windows = { lim_life: "lifetime", lim_day: DAY, lim_roll: SLOT };
  return Object.entries(windows).map(([limitId, windowId]) => ({ limitId, windowId, amount: settled }));
}

const usd = (amount: bigint) => ({ usd: amount, tokens: 0n, requests: 1n });

async function standing(counters: RedisCounters, limits: readonly Limit[] = ON_ALL): Promise<[bigint, bigint][]> {
  const states = await counters.of(TENANT).look(limits, NOW);
  return states.map(({ settled, reserved }) => [settled, reserved]);
}

/** Verbs fail as long as there is no connection; then they say why. */
async function untilAnswered(verb: () => Promise<unknown>): Promise<string> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline;) {
    const outcome = await verb().then(
      () => "answered",
      (error: CountersUnavailable) => error.why,
    );
    if (outcome !== "unreachable" && outcome !== "slow") return outcome;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("Redis did not come back within 30 s");
}

describe("state that is missing admits nothing", () => {
  const failures: Record<string, (redis: StartedRedis) => Promise<unknown>> = {
    emptied: (redis) => redis.command("FLUSHALL"),
    "the fence alone evicted": (redis) => redis.command("DEL", `th:{inst/${TENANT}}:f`),
    "restarted empty": async (redis) => {
      await redis.kill();
      await redis.start({ empty: true });
    },
    "restarted with all it had": async (redis) => {
      await redis.kill();
      await redis.start();
    },
  };

  test.each(Object.keys(failures))(
    "%s: every verb is fenced, and a rebuild brings the same counters back",
    async (name) => {
      const redis = await redisOf({ durable: true });
      const counters = await opened(redis);
      const of = counters.of(TENANT);
      await of.reserve("ended", ON_ALL, usd(40n), NOW);
      await of.settle("ended", usd(30n));
      await of.reserve("open", ON_ALL, usd(7n), NOW);
      const told: string[] = [];
      counters.onFenced((reason) => told.push(reason));
      await failures[name]?.(redis);
      expect(await untilAnswered(() => of.reserve("new", ON_ALL, usd(1n), NOW))).toBe("fenced");
      for (const verb of [
        () => of.extend("open", usd(1n)),
        () => of.settle("open", usd(1n)),
        () => of.release("open"),
        () => of.adjust("a", sumsOf(1n)),
        () => of.keepAlive(["open"], NOW),
        () => of.overdue(NOW, 10),
        () => of.expire("open", NOW),
        () => of.look(ON_ALL, NOW),
      ])
        expect(await untilAnswered(verb)).toBe("fenced");
      expect(told.length).toBeGreaterThanOrEqual(9);
      counters.enter(null);
      await counters.rebuild(2n, source(sumsOf(30n), ["open"], 7n));
      counters.enter(2n);
      expect(await standing(counters)).toEqual(ON_ALL.map(() => [30n, 7n]));
      expect((await of.extend("open", usd(1n))).outcome).toBe("reserved");
      expect((await of.settle("open", usd(5n))).map(({ amount }) => amount)).toEqual([5n, 5n, 5n]);
      expect(await standing(counters)).toEqual(ON_ALL.map(() => [35n, 0n]));
    },
  );

  test("a replica that is promoted without the last writes is fenced", async () => {
    const master = await redisOf({ args: ["--repl-diskless-sync-delay", "0"] });
    const replica = await redisOf();
    const counters = await opened(master);
    await replica.command("REPLICAOF", "127.0.0.1", String(master.port));
    const copied = `th:{inst/${TENANT}}:f`;
    for (let there = ""; !there.startsWith(":1");) there = await replica.command("EXISTS", copied);
    replica.pause();
    await counters.of(TENANT).reserve("lost", ON_ALL, usd(900n), NOW);
    await master.kill();
    replica.resume();
    await replica.command("REPLICAOF", "NO", "ONE");
    const moved = node(replica, "node-2");
    moved.enter(1n);
    expect(await untilAnswered(() => moved.of(TENANT).reserve("r", ON_ALL, usd(900n), NOW))).toBe("fenced");
  });

  test("a server that knows the scripts, and has lost an acknowledged verb of this node, is fenced", async () => {
    const redis = await redisOf();
    const counters = await opened(redis);
    await counters.of(TENANT).reserve("r", ON_ALL, usd(1n), NOW);
    await redis.command("HDEL", `th:{inst/${TENANT}}:f`, "node:node-1");
    await expect(counters.of(TENANT).reserve("r2", ON_ALL, usd(1n), NOW)).rejects.toMatchObject({ why: "fenced" });
  });

  test("a server that is paused is slow within the deadline, and goes on as it was", async () => {
    const redis = await redisOf();
    const counters = node(redis, "node-1", 300);
    await counters.rebuild(1n, source([]));
    counters.enter(1n);
    const of = counters.of(TENANT);
    await untilAnswered(() => of.look(ON_ALL, NOW));
    redis.pause();
    await expect(of.reserve("r", ON_ALL, usd(3n), NOW)).rejects.toMatchObject({ why: "slow" });
    // Whoever was not answered gives it back; whichever of the two arrives first, nothing is held.
    const released = of.release("r").catch(() => undefined);
    redis.resume();
    await released;
    await untilAnswered(() => of.release("r"));
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [0n, 0n]));
    expect((await of.reserve("r", ON_ALL, usd(3n), NOW)).outcome).toBe("reserved");
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [0n, 0n]));
  });
});

describe("epochs", () => {
  test("a node that was asleep can do nothing with the epoch before, nor reopen it", async () => {
    const redis = await redisOf();
    const old = await opened(redis);
    await old.of(TENANT).reserve("open", ON_ALL, usd(7n), NOW);
    const counters = node(redis, "node-2");
    await counters.rebuild(2n, source([], ["open"], 7n));
    counters.enter(2n);
    await expect(old.of(TENANT).settle("open", usd(900n))).rejects.toMatchObject({ why: "fenced" });
    await expect(old.open(TENANT)).rejects.toMatchObject({ why: "fenced" });
    await expect(old.rebuild(1n, source(sumsOf(5n)))).rejects.toThrow(/passed/);
    await expect(old.rebuild(2n, source(sumsOf(5n)))).rejects.toThrow(/passed/);
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [0n, 7n]));
  });

  test("what only the counters knew of a node that is away is held on by a rebuild, also when its scripts are gone", async () => {
    const redis = await redisOf({ durable: true });
    const old = await opened(redis);
    for (const id of ["away", "known", "ended"]) await old.of(TENANT).reserve(id, ON_ALL, usd(7n), NOW);
    await old.of(TENANT).settle("ended", usd(5n));
    await redis.kill();
    await redis.start();
    const counters = node(redis, "node-2");
    const found: string[] = [];
    const left: RebuildSource["left"] = {
      epoch: 1n,
      unknown: async (some) => {
        found.push(
          ...some.map(({ id, owner, held }) => `${id} ${owner} ${held.map(({ amount }) => amount).join(" ")}`),
        );
        // Its owner, asleep until now, can do nothing there any more.
        expect(await untilAnswered(() => old.of(TENANT).settle("known", usd(1n)))).toBe("fenced");
        return some.filter(({ id }) => id === "away");
      },
    };
    await counters.rebuild(2n, { ...source(sumsOf(5n)), left });
    counters.enter(2n);
    expect(found.toSorted()).toEqual(["away node-1 7 7 7", "known node-1 7 7 7"]);
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [5n, 7n]));
    await counters.of(TENANT).settle("away", usd(6n));
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [11n, 0n]));
  });

  test("a rebuild that breaks off opens nothing, and the next attempt finds nothing of it", async () => {
    const redis = await redisOf();
    const counters = node(redis, "node-1");
    const breaks: RebuildSource = {
      ...source(sumsOf(5n)),
      async *open() {
        yield* source(
          [],
          Array.from({ length: 100 }, (_, i) => `left-${i}`),
          3n,
        ).open();
        throw new Error("the database went away");
      },
    };
    await expect(counters.rebuild(1n, breaks)).rejects.toThrow(/went away/);
    counters.enter(1n);
    await expect(counters.of(TENANT).look(ON_ALL, NOW)).rejects.toMatchObject({ why: "fenced" });
    await counters.rebuild(1n, source(sumsOf(2n)));
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [2n, 0n]));
    expect(await counters.of(TENANT).overdue(NOW + 1e9, 10)).toEqual([]);
  });

  test("a store that is emptied during a rebuild is not opened", async () => {
    const redis = await redisOf();
    const counters = node(redis, "node-1");
    const emptied: RebuildSource = {
      ...source(sumsOf(5n)),
      async *open() {
        await redis.command("FLUSHALL");
        yield* source([], ["r"], 3n).open();
      },
    };
    await expect(counters.rebuild(1n, emptied)).rejects.toThrow(/passed/);
    counters.enter(1n);
    await expect(counters.of(TENANT).look(ON_ALL, NOW)).rejects.toMatchObject({ why: "fenced" });
  });

  test("an attempt that was asleep writes nothing into one that was begun after it", async () => {
    const redis = await redisOf();
    const [first, second] = [node(redis, "node-1"), node(redis, "node-2")];
    const asleep: RebuildSource = {
      ...source([]),
      async *open() {
        await second.rebuild(1n, source(sumsOf(2n)));
        // More than one write's worth.
        yield* source(
          [],
          Array.from({ length: 100 }, (_, i) => `stale-${i}`),
          3n,
        ).open();
      },
    };
    await expect(first.rebuild(1n, asleep)).rejects.toThrow(/passed/);
    second.enter(1n);
    expect(await standing(second)).toEqual(ON_ALL.map(() => [2n, 0n]));
    expect(await second.of(TENANT).overdue(NOW + 1e9, 10)).toEqual([]);
  });

  test("a rebuild that a server has lost a write of is not opened", async () => {
    const redis = await redisOf();
    const lossy: RebuildSource = {
      ...source(sumsOf(5n)),
      async *open() {
        yield* source(
          [],
          Array.from({ length: 100 }, (_, i) => `r-${i}`),
          3n,
        ).open();
        await redis.command("HINCRBY", `th:{inst/${TENANT}}:f`, "written", "-1");
      },
    };
    await expect(node(redis, "node-1").rebuild(1n, lossy)).rejects.toThrow(/passed/);
  });

  test("keys of earlier epochs go, those of this one stay", async () => {
    const redis = await redisOf();
    const counters = await opened(redis, source(sumsOf(5n)));
    await counters.rebuild(2n, source(sumsOf(6n)));
    counters.enter(2n);
    const old = `th:{inst/${TENANT}}:1:*`;
    for (const deadline = performance.now() + 20_000; !(await redis.command("KEYS", old)).startsWith("*0");)
      if (performance.now() > deadline) throw new Error("keys of epoch 1 are still there");
    expect(await standing(counters)).toEqual(ON_ALL.map(() => [6n, 0n]));
  });
});

test.each([[["--maxmemory-policy", "allkeys-lru"], /noeviction/]])(
  "a server that evicts is refused by name: %s",
  async (args, expected) => {
    const redis = await redisOf({ args });
    await expect(node(redis, "node-1").joined()).rejects.toThrow(expected);
  },
);

test("a user of Redis with no more than these rights is enough", async () => {
  const redis = await redisOf();
  const rights = ["~th:*", "+@read", "+@write", "+evalsha", "+script|load", "+info", "+ping", "-@dangerous", "+info"];
  expect(await redis.command("ACL", "SETUSER", "tollhouse", "on", ">s3cret", ...rights)).toContain("+OK");
  const counters = connectRedis({
    urls: [redis.url.replace("//", "//tollhouse:s3cret@")],
    installation: "inst",
    node: "n",
    deadlineMs: 30_000,
  });
  closing.push(() => counters.close());
  await counters.rebuild(1n, source(sumsOf(1n)));
  counters.enter(1n);
  expect((await counters.of(TENANT).reserve("r", ON_ALL, usd(1n), NOW)).outcome).toBe("reserved");
});
