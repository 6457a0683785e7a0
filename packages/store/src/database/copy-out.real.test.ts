import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrated: false });
});
afterAll(() => database.drop());

test("a row comes as PostgreSQL's own bytes: of megabytes, empty, and NULL", async () => {
  const statement =
    "SELECT decode(repeat('00ff80', 1000000), 'hex') AS long, ''::bytea AS empty, NULL::bytea AS none, -2::bigint AS number";
  const [long, empty, none, number] = await database.db.snapshot((at) =>
    at.copyOut(statement).then((row) => row ?? []),
  );
  expect(long?.equals(Buffer.alloc(3_000_000, Buffer.of(0, 255, 128)))).toBe(true);
  expect([empty?.length, none, number?.readBigInt64BE()]).toEqual([0, null, -2n]);
});

test("no row is null, a second row is refused, and a statement that fails says why", async () => {
  const { db } = database;
  expect(await db.snapshot((at) => at.copyOut("SELECT 1 WHERE false"))).toBeNull();
  await expect(db.snapshot((at) => at.copyOut("SELECT generate_series(1, 3)"))).rejects.toThrow(/expected one row/);
  await expect(db.snapshot((at) => at.copyOut("SELECT 1 / 0"))).rejects.toThrow(/division by zero/);
  expect((await db.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("what is given to write into holds the answer where it is long enough, and keeps it while the next one is read", async () => {
  const into = [Buffer.alloc(100), Buffer.alloc(100)];
  await database.db.snapshot(async (at) => {
    const value = (text: string, n: number) => at.copyOut(`SELECT '${text}'::bytea`, into[n]);
    const [first] = (await value("first", 0)) ?? [];
    const [second] = (await value("second", 1)) ?? [];
    expect([String(first), String(second), first?.buffer === into[0]?.buffer]).toEqual(["first", "second", true]);
    const [long] = (await value("x".repeat(200), 0)) ?? [];
    expect([long?.length, String(first)]).toEqual([200, "first"]);
  });
});

test("a snapshot sees one moment, whatever others commit meanwhile, and cannot write", async () => {
  const { db } = database;
  await db.query("CREATE TABLE seen (n integer)");
  await db.snapshot(async (at) => {
    const count = async (): Promise<unknown> => (await at.query("SELECT count(*) FROM seen")).rows[0];
    expect(await count()).toEqual({ count: 0n });
    await db.query("INSERT INTO seen VALUES (1)");
    expect(await count()).toEqual({ count: 0n });
    const [copied] = (await at.copyOut("SELECT count(*) FROM seen")) ?? [];
    expect(copied?.readBigInt64BE()).toBe(0n);
  });
  await expect(db.snapshot((at) => at.query("INSERT INTO seen VALUES (2)"))).rejects.toThrow(/read-only/);
});
