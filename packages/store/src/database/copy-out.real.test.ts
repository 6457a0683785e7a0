import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import type { PoolClient } from "pg";
import { copyOut } from "./copy-out.ts";
import { openDatabase, type OpenDatabase } from "./database.ts";
import { afterAll, beforeAll, expect, test } from "vitest";

let database: TestDatabase;
/** Reads into one buffer. */
let forRows: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrated: false });
  forRows = await openDatabase({ url: database.db.url }, { isForRows: true, connectionsMax: 2 });
});
afterAll(async () => {
  await forRows.close();
  await database.drop();
});

/** Columns of all rows of a statement, the same by both kinds of sockets; null = NULL. */
async function copied(statement: string): Promise<(Buffer | null)[][]> {
  const [rows = [], others] = await Promise.all([database.db, forRows].map((db) => copiedBy(db, statement)));
  expect(others?.length).toBe(rows.length);
  const same = (a: Buffer | null, b: Buffer | null | undefined): boolean => (a && b ? a.equals(b) : a === b);
  expect(rows.findIndex((row, i) => !row.every((column, j) => same(column, others?.[i]?.[j])))).toBe(-1);
  return rows;
}

async function copiedBy(db: OpenDatabase, statement: string): Promise<(Buffer | null)[][]> {
  const rows: (Buffer | null)[][] = [];
  await db.snapshot((at) => at.copyOut(statement, (bytes, from) => rows.push(columnsOf(bytes, from))));
  return rows;
}

function columnsOf(bytes: Buffer, from: number): (Buffer | null)[] {
  const columns: (Buffer | null)[] = [];
  let at = from + 2;
  for (let count = bytes.readInt16BE(from); count > 0; count--) {
    const length = bytes.readInt32BE(at);
    at += 4;
    columns.push(length < 0 ? null : Buffer.from(bytes.subarray(at, at + length)));
    at += Math.max(0, length);
  }
  return columns;
}

test("a row comes as PostgreSQL's own bytes: of megabytes, empty, and NULL", async () => {
  const statement =
    "SELECT decode(repeat('00ff80', 1000000), 'hex') AS long, ''::bytea AS empty, NULL::bytea AS none, -2::bigint AS number";
  const [[long, empty, none, number] = []] = await copied(statement);
  expect(long?.equals(Buffer.alloc(3_000_000, Buffer.of(0, 255, 128)))).toBe(true);
  expect([empty?.length, none, number?.readBigInt64BE()]).toEqual([0, null, -2n]);
});

test("rows of any length come whole and in their order, wherever what is read from the socket begins and ends", async () => {
  // Lengths from none to twice what is read at once, so that messages and their prefixes are cut at every place.
  const statement =
    "SELECT n, convert_to(repeat(chr(97 + n % 26), (n * 7919) % 397 + CASE WHEN n % 250 = 0 THEN 130000 ELSE 0 END), 'UTF8') FROM generate_series(1, 3000) AS n";
  const rows = await copied(statement);
  expect(rows).toHaveLength(3_000);
  const wrong = rows.findIndex(([number, text], i) => {
    const n = i + 1;
    const length = ((n * 7919) % 397) + (n % 250 === 0 ? 130_000 : 0);
    return number?.readInt32BE() !== n || text?.equals(Buffer.alloc(length, 97 + (n % 26))) !== true;
  });
  expect(wrong).toBe(-1);
});

test("no row is none; a statement that fails says why, also behind its first rows; the connection answers on", async () => {
  expect(await copied("SELECT 1 WHERE false")).toEqual([]);
  await expect(copied("SELECT 1 / 0")).rejects.toThrow(/division by zero/);
  await expect(copied("SELECT 1 / (5000 - n) FROM generate_series(1, 9000) AS n")).rejects.toThrow(/division by zero/);
  for (const db of [database.db, forRows]) await answersOn(await db.pool.connect());
});

/** Between what is copied, also what comes of itself and answers longer than what is read at once. */
async function answersOn(client: PoolClient): Promise<void> {
  try {
    await client.query("LISTEN heard");
    const heard: string[] = [];
    client.on("notification", ({ payload }) => heard.push(payload ?? ""));
    for (let n = 0; n < 3; n++) {
      await copyOut(client, `SELECT ${n}`, () => undefined);
      await client.query(`NOTIFY heard, '${n}'`);
      expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
      const { rows } = await client.query<{ long: string }>(
        "SELECT repeat('x' || n, 40000) AS long FROM generate_series(1, 9) AS n",
      );
      expect(rows.map(({ long }, i) => long === `x${i + 1}`.repeat(40_000))).not.toContain(false);
    }
    expect(heard).toEqual(["0", "1", "2"]);
  } finally {
    client.release(true);
  }
}

test("where the one who is told of rows throws, that is what comes of it, and the connection answers on", async () => {
  let told = 0;
  const failed = database.db.snapshot(async (at) => {
    await at
      .copyOut("SELECT generate_series(1, 5000)", () => {
        told += 1;
        throw new Error("enough");
      })
      .catch((error: Error) => expect(error.message).toBe("enough"));
    return (await at.query("SELECT 1 AS one")).rows;
  });
  expect(await failed).toEqual([{ one: 1 }]);
  expect(told).toBe(1);
});

test("a snapshot sees one moment, whatever others commit meanwhile, and cannot write", async () => {
  const { db } = database;
  await db.query("CREATE TABLE seen (n integer)");
  await db.snapshot(async (at) => {
    const count = async (): Promise<unknown> => (await at.query("SELECT count(*) FROM seen")).rows[0];
    expect(await count()).toEqual({ count: 0n });
    await db.query("INSERT INTO seen VALUES (1)");
    expect(await count()).toEqual({ count: 0n });
    await at.copyOut("SELECT count(*) FROM seen", (bytes, from) =>
      expect(columnsOf(bytes, from)[0]?.readBigInt64BE()).toBe(0n),
    );
  });
  await expect(db.snapshot((at) => at.query("INSERT INTO seen VALUES (2)"))).rejects.toThrow(/read-only/);
});

test("another connection looks at the same moment by its name, and a name that is none is refused", async () => {
  const { db } = database;
  await db.query("CREATE TABLE named (n integer)");
  const count = (named: string): Promise<unknown> =>
    db.snapshot(async (at) => (await at.query("SELECT count(*) FROM named")).rows[0], named);
  await db.snapshot(async (at) => {
    const name = await at.name();
    await db.query("INSERT INTO named VALUES (1)");
    expect(await count(name)).toEqual({ count: 0n });
  });
  await expect(count("00000003-0000001B-1'")).rejects.toThrow(/name of a snapshot/);
});
