import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startedRedis, startedSentinel, testCertificate, type StartedRedis } from "@tollhouse/testkit";
import type { Limit } from "@tollhouse/engine";
import { afterAll, expect, test } from "vitest";
import type { RebuildSource } from "../shared-counters.ts";
import { connectRedis, type RedisCounters } from "./redis-counters.ts";

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

async function started(redis: Promise<StartedRedis>): Promise<StartedRedis> {
  const made = await redis;
  closing.push(() => made.remove());
  return made;
}

function connected(url: string): RedisCounters {
  const counters = connectRedis({ urls: [url], installation: "inst", node: "node-1", deadlineMs: 60_000 });
  closing.push(() => counters.close());
  return counters;
}

async function* none(): AsyncGenerator<never> {}
const TENANT = "t1";
const EMPTY: RebuildSource = { tenants: [TENANT], sums: none, open: none };
const limit: Limit = {
  id: "lim_a",
  scope: "org",
  measure: "usd",
  amount: 10n,
  window: "lifetime",
  timeZone: "UTC",
  mode: "hard",
  version: 1,
  derived: false,
};

async function until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 30_000; !(await met());) {
    if (performance.now() > deadline) throw new Error(`waited 30 s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function reserve(counters: RedisCounters, id: string): Promise<string> {
  const { outcome } = await counters.of(TENANT).reserve(id, [limit], { usd: 6n, tokens: 0n, requests: 1n }, Date.now());
  return outcome;
}

test("Sentinels say who the master is; the one that they promote holds nothing that counts until it is made anew", async () => {
  const master = await started(startedRedis());
  const replica = await started(startedRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] }));
  const sentinel = await started(startedSentinel("counters", master));
  await until("the replica to be known", async () =>
    (await sentinel.command("SENTINEL", "replicas", "counters")).includes(String(replica.port)),
  );
  const fenced: string[] = [];
  // The first one named is none, as after its host was lost.
  const counters = connectRedis({
    urls: ["redis+sentinel://127.0.0.1:1/counters", `redis+sentinel://127.0.0.1:${sentinel.port}/counters`],
    installation: "inst",
    node: "node-1",
    deadlineMs: 60_000,
  });
  closing.push(() => counters.close());
  counters.onFenced((reason) => fenced.push(reason));
  await counters.joined();
  expect((await counters.health()).nodes).toEqual([`127.0.0.1:${master.port}`]);
  await counters.rebuild(1n, EMPTY);
  counters.enter(1n);
  expect(await reserve(counters, "a")).toBe("reserved");
  await master.kill();
  await until("the replica to be the master", async () => {
    const { reachable, nodes } = await counters.health();
    return reachable && nodes[0] === `127.0.0.1:${replica.port}`;
  });
  await expect(reserve(counters, "b")).rejects.toMatchObject({ why: "fenced" });
  expect(fenced).not.toEqual([]);
  counters.enter(null);
  const open = async function* (): AsyncGenerator<never> {};
  await counters.rebuild(2n, { ...EMPTY, open });
  counters.enter(2n);
  expect(await reserve(counters, "b")).toBe("reserved");
  expect(await reserve(counters, "c")).toBe("refused");
});

test("a name that no Sentinel knows is told by name", async () => {
  const master = await started(startedRedis());
  const sentinel = await started(startedSentinel("counters", master));
  const counters = connected(`redis+sentinel://127.0.0.1:${sentinel.port}/others`);
  await until("it to say so", () => counters.trouble === "no Sentinel knows a master others");
});

test("a certificate that nobody has vouched for is not taken, and is told as such", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tollhouse-redis-tls-"));
  closing.push(async () => rmSync(folder, { recursive: true, force: true }));
  const redis = await started(startedRedis({ certificate: await testCertificate(folder) }));
  const counters = connected(`rediss://127.0.0.1:${redis.tlsPort}`);
  await until("it to say so", () => /self-signed certificate/.test(counters.trouble ?? ""));
  expect((await counters.health()).reachable).toBe(false);
});

test("a user with no more rights than counting needs will do; a wrong password is told as such, and not repeated", async () => {
  const redis = await started(startedRedis());
  // What docs/settings.md says: nothing of the administration but INFO, and no keys but ours.
  await redis.command("ACL", "SETUSER", "toll", "on", ">s3cret", "~th:*", "+@all", "-@admin", "-@dangerous", "+info");
  const counters = connected(`redis://toll:s3cret@127.0.0.1:${redis.port}`);
  await counters.joined();
  await counters.rebuild(1n, EMPTY);
  counters.enter(1n);
  expect(await reserve(counters, "a")).toBe("reserved");
  await counters.rebuild(2n, EMPTY);
  const wrong = connected(`redis://toll:wr0ng@127.0.0.1:${redis.port}`);
  await until("it to say so", () => /WRONGPASS/.test(wrong.trouble ?? ""));
  expect(wrong.trouble).not.toMatch(/wr0ng/);
  await redis.command("ACL", "SETUSER", "default", "-@all");
  await expect(connected(redis.url).joined()).rejects.toThrow(/INFO is refused: NOPERM/);
});
