import { randomBytes } from "node:crypto";
import { DEFAULT_TENANT, checkpointSigner } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ChainWalks } from "./chain-walks.ts";

const masterKey = randomBytes(32);
const noteKeys = checkpointSigner({ masterKey, seeds: [] }).keys({ tenant: DEFAULT_TENANT, origin: "tollhouse/test" });
const chain = { tenant: DEFAULT_TENANT, from: 1n, to: "latest", noteKeys } as const;

let database: TestDatabase;
let walks: ChainWalks;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  walks = new ChainWalks(database.db, masterKey, 1);
});
afterEach(() => walks.close());

/** Walks wait behind it: the table is locked. Ends when it is told. */
async function held(): Promise<() => Promise<void>> {
  const client = await database.db.pool.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE");
  return async () => {
    await client.query("ROLLBACK");
    client.release();
  };
}

/** Connections of walks that wait for the table. */
async function walking(): Promise<number[]> {
  const { rows } = await database.db.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE '%ledger_entries%' AND wait_event_type = 'Lock'`,
  );
  return rows.map(({ pid }) => pid);
}

const TWO = { timeout: 20_000 };

test("two walks run at a time; who waits goes on when one ends, also behind one who has given up", async () => {
  const release = await held();
  const [stopped, gone] = [new AbortController(), new AbortController()];
  const ended = walks.walk(chain, { signal: stopped.signal }).catch((error: Error) => error.message);
  const second = walks.walk(chain);
  const givenUp = walks.walk(chain, { signal: gone.signal });
  const last = walks.walk(chain);
  await expect.poll(walking, TWO).toHaveLength(2);
  gone.abort(new Error("gave up"));
  await expect(givenUp).rejects.toThrow("gave up");
  const first = await walking();
  expect(first).toHaveLength(2);
  // The one turn that is free now is that of the one who still waits.
  stopped.abort();
  expect(await ended).toMatch(/ended before/);
  await expect.poll(async () => (await walking()).filter((pid) => !first.includes(pid)), TWO).toHaveLength(1);
  await release();
  for (const walk of [second, last]) expect(await walk).toMatchObject({ result: "PASS", entries: 0n });
});

test("an end of the process ends those under way and those that wait, and nobody begins after it", async () => {
  const release = await held();
  const all = [1, 2, 3, 4].map(() =>
    walks.walk(chain).then(
      () => "through",
      () => "ended",
    ),
  );
  await expect.poll(walking, TWO).toHaveLength(2);
  walks.close();
  expect(await Promise.all(all)).toEqual(["ended", "ended", "ended", "ended"]);
  await expect(walks.walk(chain)).rejects.toThrow(/ending/);
  await release();
});
