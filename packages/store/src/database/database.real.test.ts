import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { DatabaseUnavailable } from "./database-unavailable.ts";
import { openDatabase, type Queryable } from "./database.ts";
import { assertDurable } from "./durability.ts";
import { WAITERS_MAX } from "./session.ts";
import { sql } from "./sql.ts";

let testing: TestDatabase;

beforeAll(async () => {
  testing = await testDatabase({ migrated: false });
  await testing.db.query("CREATE TABLE amount (nano bigint NOT NULL)");
});
afterAll(() => testing.drop());

const amounts = async (): Promise<bigint[]> => {
  const { rows } = await testing.db.query<{ nano: bigint }>("SELECT nano FROM amount ORDER BY nano");
  return rows.map((row) => row.nano);
};

describe("money", () => {
  test("int8 comes back as the exact bigint, at the edges of int64 too", async () => {
    const edges = [-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    const { rows } = await testing.db.query<{ each: bigint; all: bigint[]; none: bigint[] }>(
      "SELECT unnest($1::int8[]) AS each, $1::int8[] AS all, ARRAY[]::int8[] AS none",
      [edges],
    );
    expect(rows.map((row) => row.each)).toEqual(edges);
    expect(rows[0]?.all).toEqual(edges);
    expect(rows[0]?.none).toEqual([]);
  });

  test("an amount beyond int64 is refused, not wrapped", async () => {
    await expect(testing.db.query("INSERT INTO amount VALUES ($1)", [2n ** 63n])).rejects.toThrow(/out of range/);
  });

  test("other users of pg in this process keep its own int8 parser", async () => {
    const { types } = await import("pg");
    expect(types.getTypeParser(20)("7")).toBe("7");
  });
});

describe("transaction", () => {
  test("what it wrote is there when it resolves, and not there when it throws", async () => {
    await testing.db.transaction((tx) => tx.query("INSERT INTO amount VALUES (1)"));
    const failed = testing.db.transaction(async (tx) => {
      await tx.query("INSERT INTO amount VALUES (2)");
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await amounts()).toEqual([1n]);
  });

  test("does not resolve when a swallowed error made COMMIT a rollback", async () => {
    const swallowed = testing.db.transaction(async (tx) => {
      await tx.query("INSERT INTO amount VALUES (3)");
      await tx.query("SELECT 1/0").catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow(/rolled back/);
    expect(await amounts()).not.toContain(3n);
  });

  test("a connection that breaks in it fails it, and only it", async () => {
    const broken = testing.db.transaction(async (tx) => {
      const { rows } = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await testing.db.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
      await tx.query("INSERT INTO amount VALUES (4)");
    });
    await expect(broken).rejects.toThrow();
    expect(await amounts()).not.toContain(4n);
  });
});

describe("a database that may lose what it acknowledged is refused", () => {
  test("synchronous_commit=off, set for the database alone", async () => {
    const lax = await testDatabase({ migrated: false });
    await lax.db.query(`ALTER DATABASE ${new URL(lax.url).pathname.slice(1)} SET synchronous_commit = off`);
    await expect(openDatabase({ url: lax.url })).rejects.toMatchObject({
      code: "DATABASE_NOT_DURABLE",
      message: expect.stringContaining("synchronous_commit=off") as string,
    });
    await lax.drop();
  });

  const good = { version: 180_004, fsync: "on", full_page_writes: "on", synchronous_commit: "on", aurora: false };
  const answering = (settings: object) => ({
    query: <Row>() => Promise.resolve({ rows: [settings as Row], rowCount: 1 }),
  });

  test.each([
    [{ fsync: "off" }, "DATABASE_NOT_DURABLE"],
    [{ full_page_writes: "off" }, "DATABASE_NOT_DURABLE"],
    [{ version: 140_012 }, "DATABASE_TOO_OLD"],
  ])("%o", async (bad, code) => {
    await expect(assertDurable(answering({ ...good, ...bad }))).rejects.toMatchObject({ code });
    await expect(assertDurable(answering(good))).resolves.toBeUndefined();
  });

  test("but not Aurora, whose storage cannot tear a page", async () => {
    await expect(assertDurable(answering({ ...good, full_page_writes: "off", aurora: true }))).resolves.toBeUndefined();
  });
});

describe("a server that says nothing", () => {
  test("counts as away, in a transaction too, and its connection is given to nobody again", async () => {
    const db = await openDatabase({ url: testing.url }, { connectionsMax: 1, answerTimeoutMs: 100 });
    await expect(db.query("SELECT pg_sleep(300)")).rejects.toThrow(DatabaseUnavailable);
    const inTransaction = db.transaction(async (tx) => {
      await tx.query("INSERT INTO amount VALUES (5)");
      await tx.query("SELECT pg_sleep(300)");
    });
    await expect(inTransaction).rejects.toThrow(DatabaseUnavailable);
    // Behind the sleeping statements these would wait for them.
    expect((await db.query<{ one: number }>("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await db.close();
    expect(await amounts()).not.toContain(5n);
  });

  test("has no more than so many wait for a connection: the next one is told at once", async () => {
    const db = await openDatabase({ url: testing.url }, { connectionsMax: 1 });
    const held = Promise.withResolvers<void>();
    const holder = db.transaction(() => held.promise);
    while (db.pool.idleCount > 0) await new Promise(setImmediate);
    const waiting = Array.from({ length: WAITERS_MAX }, () => db.query("SELECT 1"));
    await expect(db.query("SELECT 1")).rejects.toThrow(DatabaseUnavailable);
    held.resolve();
    await holder;
    await Promise.all(waiting);
    expect((await db.query("SELECT 1")).rowCount).toBe(1);
    await db.close();
  });
});

test("a database that cannot be reached is refused in one line without its password", async () => {
  const refused = openDatabase({ url: "postgresql://someone:secret-word@127.0.0.1:9/nowhere" });
  await expect(refused).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
  await expect(refused).rejects.not.toThrow(/secret-word/);
  await expect(openDatabase({ url: "mysql://someone:secret-word@h/db" })).rejects.not.toThrow(/secret-word/);
});

test("a role makes every connection act as it", async () => {
  await testing.db.query("DO $$ BEGIN CREATE ROLE test_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  const reader = await openDatabase({ url: testing.url }, { role: "test_reader" });
  await expect(reader.query("INSERT INTO amount VALUES (5)")).rejects.toThrow(/permission denied/);
  await reader.close();
});

test("a statement's name cannot leave its folder", () => {
  expect(() => sql("../migrations/0001_installation")).toThrow(/kebab-case/);
});

test("statements are prepared once a connection where that is asked for, and nowhere else", async () => {
  const url = testing.url;
  const lock = (on: Queryable): Promise<unknown> => on.query(sql("lock-chains"), [[7n]]);
  for (const [options, names] of [
    [{ prepared: true }, ["lock-chains"]],
    [{}, []],
  ] as const) {
    const database = await openDatabase({ url }, { connectionsMax: 1, ...options });
    await lock(database);
    await database.transaction(lock);
    await database.query("SELECT $1::int8", [1n]);
    const { rows } = await database.query<{ name: string }>("SELECT name FROM pg_prepared_statements");
    expect(rows.map((row) => row.name)).toEqual(names);
    await database.close();
  }
});
