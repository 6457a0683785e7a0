import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

let testing: TestDatabase;
let path: string;
let folder: URL;

beforeEach(async () => {
  testing = await testDatabase({ migrated: false });
  path = await mkdtemp(join(tmpdir(), "tollhouse-migrations-"));
  folder = pathToFileURL(`${path}/`);
  await write("0001_first", "CREATE TABLE first (a int); CREATE TABLE first_too (a int);");
  await write("0002_second", "CREATE TABLE second (a int);");
});
afterEach(async () => {
  await testing.drop();
  await rm(path, { recursive: true });
});

const write = (name: string, text: string): Promise<void> => writeFile(join(path, `${name}.sql`), text);

const tables = async (): Promise<string[]> => {
  const { rows } = await testing.db.query<{ tablename: string }>(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  return rows.map((row) => row.tablename);
};

test("files are applied once, in order", async () => {
  expect(await migrate(testing.db, { folder })).toEqual(["0001_first", "0002_second"]);
  expect(await migrate(testing.db, { folder })).toEqual([]);
  await write("0003_third", "ALTER TABLE second ADD b int");
  expect(await migrate(testing.db, { folder })).toEqual(["0003_third"]);
});

test("the release's own files apply to an empty database", async () => {
  const applied = await migrate(testing.db);
  expect(applied.length).toBeGreaterThan(0);
  expect(await migrate(testing.db)).toEqual([]);
});

test("a file that fails leaves nothing of itself and stops there; corrected, it goes on", async () => {
  await write("0002_second", "CREATE TABLE second (a int); SELECT 1/0;");
  await write("0003_third", "CREATE TABLE third (a int);");
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/0002_second failed .*division by zero/);
  expect(await tables()).toEqual(["first", "first_too", "schema_migrations"]);
  await write("0002_second", "CREATE TABLE second (a int);");
  expect(await migrate(testing.db, { folder })).toEqual(["0002_second", "0003_third"]);
});

test("a changed file is refused by name, before anything newer is applied", async () => {
  await migrate(testing.db, { folder });
  await write("0001_first", "CREATE TABLE first (a bigint);");
  await write("0003_third", "CREATE TABLE third (a int);");
  await expect(migrate(testing.db, { folder })).rejects.toMatchObject({
    code: "SCHEMA_MISMATCH",
    message: expect.stringContaining("0001_first differs") as string,
  });
  expect(await tables()).not.toContain("third");
});

test("line ends of a checkout on Windows are no change", async () => {
  await write("0001_first", "CREATE TABLE first (\n  a int\n);\n");
  await migrate(testing.db, { folder });
  await write("0001_first", "CREATE TABLE first (\r\n  a int\r\n);\r\n");
  expect(await migrate(testing.db, { folder })).toEqual([]);
});

test("the release before runs on what a newer one has only added to", async () => {
  await write("0003_third", "-- expand\nCREATE TABLE third (a int);");
  await write("0004_fourth", "-- expand\nALTER TABLE first ADD b int;");
  expect(await migrate(testing.db, { folder })).toHaveLength(4);
  await rm(join(path, "0003_third.sql"));
  await rm(join(path, "0004_fourth.sql"));
  expect(await migrate(testing.db, { folder })).toEqual([]);
});

test("a database in which a newer release has changed what is used is refused, whatever it added besides", async () => {
  await write("0003_third", "-- contract: first is gone\nDROP TABLE first;");
  await write("0004_fourth", "-- expand\nCREATE TABLE fourth (a int);");
  await migrate(testing.db, { folder });
  await rm(join(path, "0003_third.sql"));
  await rm(join(path, "0004_fourth.sql"));
  await expect(migrate(testing.db, { folder })).rejects.toMatchObject({
    code: "SCHEMA_MISMATCH",
    message: expect.stringMatching(/^the database was migrated by a newer Tollhouse.*\(0003_third\)/) as string,
  });
});

test("a database that was migrated before files were marked is taken on", async () => {
  await migrate(testing.db, { folder });
  await testing.db.query("ALTER TABLE schema_migrations DROP COLUMN expand");
  expect(await migrate(testing.db, { folder })).toEqual([]);
});

test("a newer release that does not say what its files do is refused", async () => {
  await write("0003_third", "CREATE TABLE third (a int);");
  await migrate(testing.db, { folder });
  await rm(join(path, "0003_third.sql"));
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/newer Tollhouse, which .* \(0003_third\)/);
});

test("an applied file that is missing between others is refused by name", async () => {
  await migrate(testing.db, { folder });
  await rm(join(path, "0001_first.sql"));
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/0001_first was applied .* does not have its file/);
});

test("a file that comes before what was applied is refused", async () => {
  await rm(join(path, "0001_first.sql"));
  await migrate(testing.db, { folder });
  await write("0001_first", "CREATE TABLE first (a int);");
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/0001_first comes before number 2/);
});

test("a file of another form, or two of one number, are refused", async () => {
  await write("0002_again", "SELECT 1");
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/0002_again and 0002_second have the same number/);
  await rm(join(path, "0002_again.sql"));
  await write("3_third", "SELECT 1");
  await expect(migrate(testing.db, { folder })).rejects.toThrow(/3_third\.sql: expected a name like/);
});

test("of several starters at once, each file is applied by one and the others wait", async () => {
  await write("0001_first", "CREATE TABLE first (a int); SELECT pg_sleep(0.3);");
  const starters = await Promise.all(
    [1, 2, 3].map(() => openDatabase({ url: testing.url }, { statementTimeoutMs: 200 })),
  );
  const applied = await Promise.all(starters.map((db) => migrate(db, { folder })));
  expect(applied.flat().toSorted()).toEqual(["0001_first", "0002_second"]);
  await Promise.all(starters.map((db) => db.close()));
});
