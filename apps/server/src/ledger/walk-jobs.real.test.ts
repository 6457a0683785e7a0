import { loadWalk, WALKS_MAX, type VerifyResult } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { WalkOfChain } from "./chain-walks.ts";
import { WalkJobs } from "./walk-jobs.ts";

const tenant = "7".repeat(32);
const other = "8".repeat(32);
const chainOf = (of: string) => ({ tenant: of, from: 1n, to: "latest", noteKeys: [] }) as unknown as WalkOfChain;
const result = { result: "PASS", entries: 7n } as VerifyResult;

let database: TestDatabase;
/** Ends of the walks under way, in the order they began. */
let ends: ((ended: VerifyResult | Error) => void)[];
let jobs: WalkJobs<{ readonly entries: number }>;
let failures: string[];
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db.query("DELETE FROM ledger_walks");
  [ends, failures] = [[], []];
  jobs = new WalkJobs({
    db: database.db,
    walks: {
      walk: (_chain, options) => {
        options?.walked?.(3, 7);
        return new Promise((resolve, reject) => {
          ends.push((ended) => (ended instanceof Error ? reject(ended) : resolve(ended)));
        });
      },
    },
    toldAs: ({ entries }) => ({ entries: Number(entries) }),
    failed: (of, error) => failures.push(`${of}: ${String(error)}`),
  });
});

const load = (id: string | null, of = tenant) => loadWalk<{ readonly entries: number }>(database.db, of, id ?? "");

test("of one that is under way it is told how far it is, and of one that is through what it found", async () => {
  const id = await jobs.begin(chainOf(tenant));
  expect(await load(id)).toMatchObject({ from: 1n, to: "latest", walked: null, endedMs: null, found: null });
  await expect.poll(async () => (await load(id))?.walked, { timeout: 10_000 }).toEqual({ entries: 3n, of: 7n });
  ends[0]?.(result);
  await jobs.close();
  expect(await load(id)).toMatchObject({ found: { entries: 7 }, endedMs: expect.any(Number), isLost: false });
  expect(await load(id, other)).toBeNull();
});

test("one that could not be walked to its end is told as ended, and never as passed", async () => {
  const id = await jobs.begin(chainOf(tenant));
  ends[0]?.(new Error("the database is away"));
  await jobs.close();
  expect(await load(id)).toMatchObject({ found: null, endedMs: expect.any(Number) });
  expect(failures).toEqual([`${tenant}: Error: the database is away`]);
});

test("one whose process has ended is told as lost, and makes room; a tenant that has five begins no sixth, others do", async () => {
  const ids = [];
  for (let n = 0; n < WALKS_MAX; n++) ids.push(await jobs.begin(chainOf(tenant)));
  expect(ids).not.toContain(null);
  expect([await jobs.begin(chainOf(tenant)), typeof (await jobs.begin(chainOf(other)))]).toEqual([null, "string"]);
  await database.db.query(
    "UPDATE ledger_walks SET heard_at = now() - interval '61 seconds', ended_at = NULL WHERE id = $1",
    [ids[0]],
  );
  expect((await load(ids[0] ?? null))?.isLost).toBe(true);
  expect(typeof (await jobs.begin(chainOf(tenant)))).toBe("string");
  for (const end of ends) end(result);
  await jobs.close();
});

test("what was found is kept for thirty days", async () => {
  const id = await jobs.begin(chainOf(tenant));
  ends[0]?.(result);
  await jobs.close();
  const age = (days: number) =>
    database.db.query("UPDATE ledger_walks SET began_at = now() - make_interval(days => $2) WHERE id = $1", [id, days]);
  await age(29);
  await jobs.begin(chainOf(tenant));
  expect(await load(id)).not.toBeNull();
  await age(31);
  await jobs.begin(chainOf(tenant));
  expect(await load(id)).toBeNull();
  for (const end of ends) end(result);
  await jobs.close();
});
