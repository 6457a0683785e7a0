import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import type { CountersUnavailable, RebuildSource } from "../shared-counters.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

/** Each installation has the same one at first. */
const TENANT = "0".repeat(31) + "1";
const NOW = Date.UTC(2026, 10, 21, 6, 30);
const LIMIT = limitOf("a", { amount: 10n });
const ONE = { usd: 1n, tokens: 0n, requests: 1n };

let redis: StartedRedis;
let ours: RedisCounters;
let others: RedisCounters;

beforeEach(async () => {
  redis = await startedRedis({ durable: true });
  [ours, others] = ["aaaa", "bbbb"].map((installation) =>
    connectRedis({ urls: [redis.url], installation, node: "node-1", deadlineMs: 30_000 }),
  ) as [RedisCounters, RedisCounters];
});
afterEach(async () => {
  await Promise.all([ours.close(), others.close()]);
  await redis.remove();
});

async function open(counters: RedisCounters, epoch: bigint, settled: bigint): Promise<void> {
  const source: RebuildSource = {
    tenants: [TENANT],
    async *sums() {
      yield { tenant: TENANT, limitId: LIMIT.id, windowId: "lifetime", amount: settled };
    },
    async *open() {},
  };
  await counters.rebuild(epoch, source);
  counters.enter(epoch);
}

const settledOf = async (counters: RedisCounters): Promise<bigint> =>
  (await counters.of(TENANT).read(LIMIT, NOW)).settled;

test("two installations on one Redis count apart: neither fences the other, whatever their epochs, nor removes its keys", async () => {
  await open(ours, 1n, 3n);
  await open(others, 9n, 5n);
  await ours.of(TENANT).reserve("r", [LIMIT], ONE, NOW);
  await ours.of(TENANT).settle("r", ONE);
  await open(others, 10n, 6n);
  // The sweep of their epoch 9 has been over the whole server, and so over our epoch 1, which is before both.
  const left = (): Promise<string> => redis.command("KEYS", "th:{bbbb/*}:9:*");
  await expect.poll(left, { timeout: 20_000 }).toMatch(/^\*0/);
  expect(await settledOf(ours)).toBe(4n);
  expect(await settledOf(others)).toBe(6n);
});

test("a server that was restarted stays closed to one installation when another one rebuilds under the same number", async () => {
  await open(ours, 1n, 3n);
  await redis.kill();
  await redis.start();
  await expect.poll(() => others.health(), { timeout: 20_000 }).toMatchObject({ reachable: true });
  await open(others, 1n, 5n);
  const outcome = (): Promise<string> =>
    ours
      .of(TENANT)
      .reserve("r", [LIMIT], ONE, NOW)
      .then(
        ({ outcome: done }) => done,
        (error: CountersUnavailable) => error.why,
      );
  await expect.poll(outcome, { timeout: 20_000 }).not.toBe("unreachable");
  expect(await outcome()).toBe("fenced");
});
