import type { KeyMade, SystemAnswer } from "@tollhouse/contract";
import { noteOverspend } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultProxy, type FaultProxy } from "../../packages/testkit/src/fault-proxy.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";
import { steered, until } from "./side-by-side.ts";

// GET /api/v1/system of one process with its counters in memory; of several that share them: cluster.test.ts.

let database: TestDatabase;
let network: FaultProxy;
let world: StartedTollhouse;
beforeAll(async () => {
  database = await testDatabase();
  const url = new URL(database.url);
  const folder = url.searchParams.get("host") as string;
  network = await faultProxy({ path: `${folder}/.s.PGSQL.${url.port === "" ? "5432" : url.port}` });
  world = await startedTollhouse({
    env: {
      DATABASE_URL: `postgresql://${url.username}@127.0.0.1:${network.port}${url.pathname}`,
      TOLLHOUSE_NODE_NAME: "toll-1",
      // A client that hangs up is one call less at once.
      TOLLHOUSE_DRAIN_CALLS_MAX: "0",
    },
  });
});
afterAll(async () => {
  network.set(null);
  await world.stop();
  await network.close();
  await database.drop();
});

function status(): Promise<SystemAnswer> {
  return world.control<SystemAnswer>("GET", "/api/v1/system");
}

test("one process names itself, its stores, and nothing that it cannot know", async () => {
  const answer = await status();
  expect(answer).toMatchObject({
    node: { name: "toll-1", address: world.url, counters: "memory", ready: true, waiting_for: [] },
    postgresql: { embedded: false, reachable: true, latency_ms: expect.any(Number) },
    redis: null,
    allowance: null,
    spool: { refusing: null },
    worst_overspend: "0.000000000",
  });
  expect(answer.node.roles).toEqual(["gateway", "control", "jobs"]);
  expect(answer.nodes).toMatchObject([{ id: answer.node.id, name: "toll-1", live: true, configuration: null }]);
});

test("what calls hold is counted, and the oldest says since when", async () => {
  const before = Date.now();
  const ending = new AbortController();
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "s" },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      stream: true,
      messages: [{ role: "user", content: "Hi" }],
      ...steered({ output_tokens: 4_000, tokens_per_second: 16 }),
    }),
    signal: ending.signal,
  });
  response.body?.pipeTo(new WritableStream()).catch(() => undefined);
  const { reservations, nodes } = await status();
  expect(reservations.pending).toBe(1);
  const oldest = Date.parse(reservations.oldest_at as string);
  expect(oldest).toBeGreaterThanOrEqual(before);
  expect(oldest).toBeLessThanOrEqual(Date.now());
  expect(nodes).toMatchObject([{ calls_in_flight: 1, reservations: 1 }]);
  ending.abort();
  await until("nothing to be held any more", async () => (await status()).reservations.pending === 0);
});

test("it is the admin's alone", async () => {
  const { key } = await world.control<KeyMade>("POST", "/api/v1/keys", { name: "k", permissions: ["read", "manage"] });
  const response = await fetch(`${world.url}/api/v1/system`, { headers: { authorization: `Bearer ${key}` } });
  expect([response.status, await response.json()]).toMatchObject([403, { reason_code: "PERMISSION_MISSING" }]);
});

test("an overspend that was seen once is shown, whichever process saw it", async () => {
  await noteOverspend(database.db, 1_500_000_000n);
  expect((await status()).worst_overspend).toBe("1.500000000");
});

test("while PostgreSQL does not answer it is there still, and says what it does not know", async () => {
  network.set({ kind: "silent" });
  expect(await status()).toMatchObject({
    postgresql: { reachable: false, latency_ms: null },
    worst_overspend: null,
    node: { ready: true },
  });
  network.set({ kind: "cut" });
  expect(await status()).toMatchObject({ postgresql: { reachable: false }, worst_overspend: null });
});
