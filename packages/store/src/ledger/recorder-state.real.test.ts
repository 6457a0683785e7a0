import { randomUUID } from "node:crypto";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { loadRecorderState } from "./recorder-state.ts";
import { sampleIntent } from "./sample-records.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** What a recorder's transaction ends with: a call of `n` is open, all before `done` is recorded. */
async function write(tx: Queryable, node: string, n: number, done: number): Promise<void> {
  const intent = sampleIntent(n);
  await tx.query(sql("upsert-open-calls"), [node, [intent.decision], [JSON.stringify(intent)], [1000n], [500n]]);
  await tx.query(sql("upsert-spool-position"), [node, 1, 8, 1, done, "{}"]);
}

async function untilSomebodyWaits(): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await database.db.query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
          )
        ).rowCount,
      { timeout: 30_000 },
    )
    .toBe(1);
}

test("a spool that the database does not know starts at its beginning", async () => {
  const state = { start: { segment: 0, offset: 0 }, done: { segment: 0, offset: 0 }, floods: {}, open: [] };
  const node = randomUUID().replaceAll("-", "");
  expect(await loadRecorderState(database.db, node)).toEqual(state);
  expect(await loadRecorderState(database.db, node)).toEqual(state);
});

test.each([
  ["its first", 0],
  ["a later", 1],
])("%s commit that a killed process had sent is in what its successor reads", async (_, before) => {
  const node = randomUUID().replaceAll("-", "");
  if (before > 0) await database.db.transaction((tx) => write(tx, node, 1, 100));
  let read: ReturnType<typeof loadRecorderState> | undefined;
  await database.db.transaction(async (tx) => {
    await write(tx, node, 2, 200);
    read = loadRecorderState(database.db, node);
    // A reading that does not wait is over first, and lacks what is committed now.
    await Promise.race([read, untilSomebodyWaits()]);
  });
  const { done, open } = (await read) ?? {};
  expect(done).toEqual({ segment: 1, offset: 200 });
  expect(open?.map(({ intent }) => intent.decision)).toContain(sampleIntent(2).decision);
  expect(open).toHaveLength(before + 1);
});
