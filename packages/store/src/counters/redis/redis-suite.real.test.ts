import { randomBytes } from "node:crypto";
import { startedRedis, startedRedisCluster } from "@tollhouse/testkit";
import { afterAll } from "vitest";
import { counterSuite } from "../counter-suite.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

/** A store behind a network takes fewer histories. */
const RUNS = process.env["TOLLHOUSE_LONG"] === undefined ? 25 : 300;
const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

async function opened(urls: readonly string[]): Promise<RedisCounters> {
  // No deadline of calls: how busy this machine is decides nothing here.
  const counters = connectRedis({ urls, installation: "inst", node: "node-1", deadlineMs: 60_000 });
  closing.push(() => counters.close());
  await counters.rebuild(1n, { tenants: [], sums: none, open: none });
  counters.enter(1n);
  return counters;
}

async function* none(): AsyncGenerator<never> {}

let single: Promise<RedisCounters> | null = null;
let cluster: Promise<RedisCounters> | null = null;

async function ofNewTenant(counters: RedisCounters) {
  const tenant = randomBytes(16).toString("hex");
  await counters.open(tenant);
  return { store: counters.of(tenant) };
}

counterSuite(
  "Redis",
  async () => {
    single ??= startedRedis().then((redis) => {
      closing.push(() => redis.remove());
      return opened([redis.url]);
    });
    return ofNewTenant(await single);
  },
  { runs: RUNS },
);

counterSuite(
  "Redis Cluster of three",
  async () => {
    cluster ??= startedRedisCluster().then((redis) => {
      closing.push(() => redis.remove());
      return opened(redis.urls);
    });
    return ofNewTenant(await cluster);
  },
  { runs: RUNS },
);
