import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase, openTenantDatabases } from "../database/database.ts";
import { migrate } from "../database/migrate.ts";
import { INSTALLATION_ROLE } from "../database/roles.ts";
import { sql } from "../database/sql.ts";
import { addRollupMonths } from "./rollup-months.ts";

const MIGRATION = "0020_rollups_by_month.sql";
const HOUR = 3600;
const ROLLUPS_COUNT = 9;
const TENANT = "a".repeat(32);

let testing: TestDatabase;
beforeEach(async () => {
  testing = await testDatabase();
});
afterEach(() => testing.drop());

async function rowsOf<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
  return (await testing.db.query<Row>(text, values)).rows;
}

/** The hour at which the month begins that is so many after this one, UTC. */
function monthAhead(months: number): bigint {
  const now = new Date();
  return BigInt(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months) / 1000 / HOUR);
}

/** One call of the session, as the recorder adds it. */
async function use(session: string, hour: bigint): Promise<void> {
  const axes = Array.from({ length: 11 }, (_, i) => [i === 4 ? session : null]);
  const sums = [1n, 0n, 0n, 0n, 100n, 10n, 5n].map((sum) => [sum]);
  const values = [[TENANT], [hour], [Buffer.from(session.padEnd(16))], ...axes, ...sums];
  await testing.db.query(sql("upsert-usage-hourly"), values);
}

async function used(): Promise<unknown[]> {
  return rowsOf("SELECT session, sum(calls)::int AS calls FROM usage_hourly GROUP BY 1 ORDER BY 1");
}

async function partitionOf(session: string): Promise<string> {
  const [row] = await rowsOf<{ name: string }>(
    "SELECT tableoid::regclass::text AS name FROM usage_hourly WHERE session = $1",
    [session],
  );
  return row?.name ?? "no row";
}

test("roll-ups of an installation that runs already are taken as they lie, and added to where they are", async () => {
  await testing.drop();
  testing = await testDatabase({ migrated: false });
  const path = await mkdtemp(join(tmpdir(), "tollhouse-migrations-"));
  const ours = new URL("../../migrations/", import.meta.url);
  for (const name of await readdir(ours)) if (name < MIGRATION) await copyFile(new URL(name, ours), join(path, name));
  await migrate(testing.db, { folder: pathToFileURL(`${path}/`) });
  await rm(path, { recursive: true });
  for (const [session, months] of [["long ago", -20] as const, ["now", 0] as const])
    await use(session, monthAhead(months) + 5n);
  const file = "SELECT pg_relation_filenode($1::text::regclass)::int AS file";
  const [before] = await rowsOf(file, ["usage_hourly"]);
  await migrate(testing.db);
  expect(await rowsOf(file, ["usage_hourly_before"])).toEqual([before]);
  await use("now", monthAhead(0) + 5n);
  await use("next", monthAhead(1));
  expect(await used()).toEqual([
    { session: "long ago", calls: 1 },
    { session: "next", calls: 1 },
    { session: "now", calls: 2 },
  ]);
  expect(await rowsOf("SELECT session FROM usage_hourly ORDER BY session")).toHaveLength(3);
  expect(await partitionOf("now")).toBe("usage_hourly_before");
  expect(await partitionOf("next")).toMatch(/^usage_hourly_\d{4}_\d\d$/);
});

test("months that nobody made in time lose nothing: their rows are moved when somebody does", async () => {
  for (const [session, next] of [["soon", 2] as const, ["edge", 5] as const]) await use(session, monthAhead(next) - 1n);
  for (const [session, months] of [["first", 4] as const, ["last", 5] as const, ["beyond", 9] as const])
    await use(session, monthAhead(months));
  await use("first", monthAhead(4));
  const sums = await used();
  expect(await partitionOf("first")).toBe("usage_hourly_others");
  expect(await addRollupMonths(testing.db, 6)).toBe(5 * ROLLUPS_COUNT);
  expect(await used()).toEqual(sums);
  for (const session of ["soon", "first", "edge", "last"])
    expect(await partitionOf(session)).toMatch(/^usage_hourly_\d{4}_\d\d$/);
  expect(await partitionOf("first")).not.toBe(await partitionOf("last"));
  expect(await partitionOf("beyond")).toBe("usage_hourly_others");
  await use("first", monthAhead(4));
  expect(await rowsOf("SELECT calls FROM usage_hourly WHERE session = 'first'")).toEqual([{ calls: 3n }]);
});

test("any number of processes make each month once, and months follow each other without a gap", async () => {
  const installation = await openDatabase({ url: testing.url }, { role: INSTALLATION_ROLE, connectionsMax: 4 });
  const made = await Promise.all(Array.from({ length: 4 }, () => addRollupMonths(installation, 5)));
  await installation.close();
  expect(made.reduce((sum, each) => sum + each)).toBe(4 * ROLLUPS_COUNT);
  const bounds = await rowsOf<{ rollup: string; bound: string }>(
    `SELECT inhparent::regclass::text AS rollup, pg_get_expr(c.relpartbound, c.oid) AS bound
     FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE c.relkind = 'r' ORDER BY 1`,
  );
  const spans = bounds.flatMap(({ rollup, bound }) => {
    const [, from, to] = /FROM \((?:'(-?\d+)'|MINVALUE)\) TO \('(-?\d+)'\)/.exec(bound) ?? [];
    return to === undefined ? [] : [{ rollup, from, to }];
  });
  // Each month begins where one before it ends; the first of all begins nowhere.
  for (const { rollup, from } of spans)
    expect(from === undefined || spans.some((span) => span.rollup === rollup && span.to === from)).toBe(true);
  expect(spans.filter(({ from }) => from === undefined)).toHaveLength(ROLLUPS_COUNT);
});

test("a partition is reached by nobody but through its roll-up, and no tenant makes one", async () => {
  await use("next", monthAhead(1));
  const partitions = await rowsOf<{ name: string; guarded: boolean }>(
    `SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class
     WHERE relispartition AND relkind = 'r' ORDER BY 1`,
  );
  expect(partitions.length).toBeGreaterThanOrEqual(3 * ROLLUPS_COUNT);
  expect(partitions.filter(({ guarded }) => !guarded)).toEqual([]);
  const tenants = await openTenantDatabases({ url: testing.url }, { connectionsMax: 1 });
  const installation = await openDatabase({ url: testing.url }, { role: INSTALLATION_ROLE, connectionsMax: 1 });
  for (const { name } of partitions)
    for (const db of [tenants.of(TENANT), installation])
      await expect(db.query(`SELECT * FROM ${name}`)).rejects.toThrow(/permission denied/);
  await expect(tenants.of(TENANT).query("SELECT add_rollup_months('usage_hourly', 9)")).rejects.toThrow(
    /permission denied/,
  );
  expect((await tenants.of(TENANT).query("SELECT session FROM usage_hourly")).rows).toEqual([{ session: "next" }]);
  expect((await tenants.of("b".repeat(32)).query("SELECT session FROM usage_hourly")).rows).toEqual([]);
  await tenants.close();
  await installation.close();
});

test("what is asked of one month reads that month alone", async () => {
  const [plan] = await rowsOf<{ "QUERY PLAN": unknown }>(
    "EXPLAIN (FORMAT JSON) SELECT sum(calls) FROM usage_hourly WHERE tenant = $1 AND hour >= $2 AND hour < $3",
    [TENANT, monthAhead(1), monthAhead(2)],
  );
  expect(JSON.stringify(plan).match(/"Relation Name":"\w+"/g)).toHaveLength(1);
});
