import { faultProxy, testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type OpenDatabase } from "./database.ts";
import { holdDatabase } from "./hold-database.ts";

const HOLDER =
  "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

let shared: TestDatabase;
let other: OpenDatabase;

beforeAll(async () => {
  shared = await testDatabase();
  other = await openDatabase({ url: shared.url });
});

afterAll(async () => {
  await other.close();
  await shared.drop();
});

test("a second process on the same database is refused, and may start when the first has released it", async () => {
  const first = await holdDatabase(shared.db, "memory", () => undefined);
  await expect(holdDatabase(other, "memory", () => undefined, 300)).rejects.toMatchObject({ code: "DATABASE_IN_USE" });
  first.release();
  const second = await holdDatabase(other, "memory", () => undefined);
  second.release();
});

test("processes that share their counters hold it together; one with counters in memory, and they, refuse each other", async () => {
  const first = await holdDatabase(shared.db, "shared", () => undefined);
  const second = await holdDatabase(other, "shared", () => undefined);
  const alone = { code: "DATABASE_IN_USE", message: expect.stringContaining("give every process the same REDIS_URL") };
  await expect(holdDatabase(other, "memory", () => undefined, 300)).rejects.toMatchObject(alone);
  first.release();
  second.release();
  const memory = await holdDatabase(other, "memory", () => undefined);
  const together = { code: "DATABASE_IN_USE", message: expect.stringContaining("counters in memory admits calls") };
  await expect(holdDatabase(shared.db, "shared", () => undefined, 300)).rejects.toMatchObject(together);
  memory.release();
});

test("an owner whose connection breaks takes the lock again", async () => {
  const lost: string[] = [];
  const owner = await holdDatabase(shared.db, "memory", (reason) => lost.push(reason));
  const holder = async (): Promise<number | undefined> => (await other.query<{ pid: number }>(HOLDER)).rows[0]?.pid;
  const first = await holder();
  await other.query("SELECT pg_terminate_backend($1)", [first]);
  await expect.poll(holder, { timeout: 30_000 }).not.toBeOneOf([first, undefined]);
  expect(lost).toEqual([]);
  owner.release();
});

test("an owner that ends while it takes the lock again leaves it, and its connections end", async () => {
  const url = new URL(shared.url);
  const network = await faultProxy({ path: `${url.searchParams.get("host") ?? ""}/.s.PGSQL.${url.port}` });
  url.searchParams.delete("host");
  url.host = `127.0.0.1:${network.port}`;
  const far = await openDatabase({ url: url.href });
  const owner = await holdDatabase(far, "memory", () => undefined);
  const holder = async (): Promise<number | undefined> => (await other.query<{ pid: number }>(HOLDER)).rows[0]?.pid;
  const first = await holder();
  // Granted in the server, and its answer is on its way.
  network.set({ kind: "latency", ms: 1_000 });
  await other.query("SELECT pg_terminate_backend($1)", [first]);
  await expect.poll(holder, { timeout: 30_000, interval: 20 }).not.toBeOneOf([first, undefined]);
  owner.release();
  network.set(null);
  await far.close();
  await expect.poll(holder, { timeout: 30_000 }).toBeUndefined();
  await network.close();
});

test("an owner that finds another in its place is told", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const owner = await holdDatabase(shared.db, "memory", resolve);
  // The other one waits for the lock in the server, so it has it the moment the connection breaks.
  const thief = await other.pool.connect();
  const waiting = thief.query("SELECT pg_advisory_lock($1)", [0x746f6c6c686f7573n]);
  await other.query(`SELECT pg_terminate_backend(pid) FROM (${HOLDER}) AS holder`);
  await waiting;
  expect(await promise).toMatch(/another Tollhouse/);
  thief.release(true);
  owner.release();
});
