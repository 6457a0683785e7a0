import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "./test-database.ts";

let one: TestDatabase;
let other: TestDatabase;

beforeAll(async () => {
  [one, other] = await Promise.all([testDatabase(), testDatabase()]);
});
afterAll(() => Promise.all([one.drop(), other.drop()]));

test("two test databases share a server and not a row", async () => {
  await one.db.query("CREATE TABLE note (text text)");
  const found = await other.db.query("SELECT 1 FROM pg_tables WHERE tablename = 'note'");
  expect(found.rowCount).toBe(0);
});

test("a test database has the schema of this release", async () => {
  const found = await one.db.query("SELECT 1 FROM pg_tables WHERE tablename = 'schema_migrations'");
  expect(found.rowCount).toBe(1);
});

test("an empty test database has no table", async () => {
  const empty = await testDatabase({ migrated: false });
  const found = await empty.db.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'");
  await empty.drop();
  expect(found.rowCount).toBe(0);
});
