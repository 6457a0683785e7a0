import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LimitAnswer, SystemAnswer } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { simulatorProcess, type SimulatorProcess } from "../../packages/testkit/src/simulator-process.ts";
import { startedCluster, type StartedCluster } from "../../packages/testkit/src/started-cluster.ts";
import { startedRedis, type StartedRedis } from "../../packages/testkit/src/started-redis.ts";
import { startedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { testCertificate } from "../../packages/testkit/src/test-certificate.ts";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import type { TollhouseProcess } from "../../packages/testkit/src/tollhouse-process.ts";
import { steered, until } from "./side-by-side.ts";

// Gateways as processes of their own, as operators run them: over TLS, as a user of Redis who may do no more than count.

const folder = mkdtempSync(join(tmpdir(), "tollhouse-processes-"));
let database: TestDatabase;
let redis: StartedRedis;
let simulator: SimulatorProcess;
let cluster: StartedCluster;
beforeAll(async () => {
  const certificate = await testCertificate(folder);
  [database, redis, simulator] = await Promise.all([
    testDatabase(),
    startedRedis({ certificate }),
    simulatorProcess({ seed: 1 }),
  ]);
  await redis.command("ACL", "SETUSER", "toll", "on", ">s3cret", "~th:*", "+@all", "-@admin", "-@dangerous", "+info");
  cluster = await startedCluster({
    gateways: 2,
    databaseUrl: database.url,
    redisUrl: `rediss://toll:s3cret@127.0.0.1:${redis.tlsPort}`,
    providers: simulator.url,
    env: { NODE_EXTRA_CA_CERTS: certificate.cert },
  });
}, 120_000);
afterAll(async () => {
  await cluster.remove();
  await simulator.close();
  await redis.remove();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const status = (gateway: TollhouseProcess): Promise<SystemAnswer> => gateway.control("GET", "/api/v1/system");

function call(gateway: TollhouseProcess, body: object): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "s" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], ...body }),
  });
}

test("a gateway that is stopped ends its streams, and leaves the others nothing to count anew; it comes back the same way", async () => {
  const [leaving, staying] = cluster.gateways as readonly [TollhouseProcess, TollhouseProcess];
  const input = { scope: "session:s", measure: "requests", amount: "3", window: "lifetime", mode: "hard" };
  const { id } = await staying.control<LimitAnswer>("POST", "/api/v1/limits", input);
  const limit = (): Promise<LimitAnswer> => staying.control("GET", `/api/v1/limits/${id}`);
  await until("the other to have the limit", () =>
    leaving.control("GET", `/api/v1/limits/${id}`).then(
      () => true,
      () => false,
    ),
  );
  const epoch = (await status(staying)).redis?.fence?.epoch;
  const stream = await call(leaving, { stream: true, ...steered({ output_tokens: 60, tokens_per_second: 30 }) });
  expect(stream.status).toBe(200);
  expect((await limit()).state).toMatchObject({ settled: "0", reserved: "1" });
  const ended = leaving.terminate();
  await until("the others to see it leave", async () => {
    const { nodes } = await status(staying);
    return nodes?.some(({ state }) => state === "draining") === true;
  });
  expect(await stream.text()).toMatch(/data: \[DONE\]\s*$/);
  expect((await ended).code).toBe(0);
  expect((await limit()).state).toMatchObject({ settled: "1", reserved: "0" });
  const after = await status(staying);
  expect(after.nodes?.map(({ state, live, untold }) => [state, live, untold]).toSorted()).toEqual([
    ["stopped", false, 0],
    ["up", true, 0],
  ]);
  expect((await call(staying, { max_tokens: 5 })).status).toBe(200);
  await leaving.start();
  expect((await call(leaving, { max_tokens: 5 })).status).toBe(200);
  expect((await call(leaving, { max_tokens: 5 })).status).toBe(429);
  const back = await status(leaving);
  expect(back.redis?.fence).toMatchObject({ epoch, state: "open" });
  expect(back.nodes?.filter(({ live }) => live)).toHaveLength(2);
});

test("what cannot be shared is refused at the start, in one line", async () => {
  const alone = startedTollhouse({ env: { DATABASE_URL: database.url } });
  await expect(alone).rejects.toThrow(/give every process the same REDIS_URL/);
  await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  const evicting = startedTollhouse({ env: { REDIS_URL: redis.url } });
  await expect(evicting).rejects.toMatchObject({
    code: "REDIS_UNUSABLE",
    message: expect.stringMatching(/^REDIS_URL: .* its maxmemory-policy is allkeys-lru; expected noeviction/),
  });
  await redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
});
