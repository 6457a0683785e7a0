import { startedRedisCluster, type StartedRedisCluster } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import type { CountersUnavailable, RebuildSource } from "../shared-counters.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const LIMIT = limitOf("a");
const TENANTS = Array.from({ length: 24 }, (_, i) => String(i).padStart(32, "0"));
const USD = { usd: 1n, tokens: 0n, requests: 1n };

let redis: StartedRedisCluster;
let counters: RedisCounters;

beforeAll(async () => {
  redis = await startedRedisCluster();
  counters = connectRedis({ urls: redis.urls.slice(0, 2), installation: "inst", node: "node-1", deadlineMs: 30_000 });
});
afterAll(async () => {
  await counters.close();
  await redis.remove();
});

const source: RebuildSource = {
  tenants: TENANTS,
  async *sums() {
    for (const tenant of TENANTS) yield { tenant, limitId: LIMIT.id, windowId: "lifetime", amount: 5n };
  },
  async *open() {},
};

async function outcomeOf(tenant: string, id: string): Promise<string> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline;) {
    const outcome = await counters
      .of(tenant)
      .reserve(id, [LIMIT], USD, NOW)
      .then(
        (result): string => result.outcome,
        (error: CountersUnavailable) => error.why,
      );
    if (outcome !== "unreachable") return outcome;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the cluster did not come back within 30 s");
}

test("a server of a cluster that comes back is closed to its tenants alone, until a rebuild brings all counters back", async () => {
  await counters.rebuild(1n, source);
  counters.enter(1n);
  for (const tenant of TENANTS) expect(await outcomeOf(tenant, "before")).toBe("reserved");
  await redis.nodes[2]?.kill();
  await redis.nodes[2]?.start();
  const outcomes = await Promise.all(TENANTS.map((tenant) => outcomeOf(tenant, "after")));
  const fenced = outcomes.filter((outcome) => outcome === "fenced");
  expect(fenced.length).toBeGreaterThan(0);
  expect(outcomes.filter((outcome) => outcome === "reserved")).toHaveLength(TENANTS.length - fenced.length);
  expect(fenced.length).toBeLessThan(TENANTS.length);
  await counters.rebuild(2n, source);
  counters.enter(2n);
  for (const tenant of TENANTS)
    expect(await counters.of(tenant).read(LIMIT, NOW)).toMatchObject({ settled: 5n, reserved: 0n });
});
