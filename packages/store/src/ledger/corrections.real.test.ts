import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callsInScope } from "../blocks/block-store.ts";
import { recordedEntries } from "../policies/recorded-calls.ts";
import { spendByValue } from "../policies/spend-by-value.ts";
import { listExpiredChecks } from "../recorded-usage/expired-check-store.ts";
import { allCalls, callByDecision } from "../reports/calls.ts";
import { foldCounters, loadCounterSums } from "../reports/counter-sums.ts";
import { spendOfScope } from "../reports/spent-in-scope.ts";
import { USAGE_AXES } from "../reports/usage-axes.ts";
import { usageReport } from "../reports/usage-report.ts";
import type { IntentRecord, SpoolRecord } from "../spool/records.ts";
import { recoverSpool } from "../spool/recover.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { recordedCalls } from "./recorded-calls.ts";
import { loadRecorderState } from "./recorder-state.ts";
import { startRecorder, type Recorder } from "./recorder.ts";
import { sampleDecision, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { intentOf, STORIES_START, STORY_STEP_MS, storyOf, sweptOf, type Story } from "./sample-stories.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";

// The same calls twice: once as two nodes end them, one in the other's place, in any order; and once as they were. Every report of the
// two must say the same.

const SEED = Number(process.env["TOLLHOUSE_SEED"] ?? 1);
const CALLS = 140;
const START = STORIES_START;
const END = START + CALLS * STORY_STEP_MS;
const ROLL_UPS = [
  "usage_hourly",
  "usage_by_workload",
  "usage_by_workload_daily",
  "usage_of_sessions",
  "usage_by_user_feature",
  "usage_by_customer",
  "usage_by_user_monthly",
  "usage_by_customer_model",
  "usage_by_customer_feature",
];
const masterKey = Buffer.alloc(32, 9);
const keys = new LedgerKeys(masterKey);
const place = { tenant: DEFAULT_TENANT, environment: "prod" };

interface Node {
  readonly spool: Spool;
  readonly recorder: Recorder;
}

interface World {
  readonly database: TestDatabase;
  readonly dir: string;
  readonly nodes: readonly Node[];
}

const worlds: World[] = [];
let ended: World;
let told: World;
const errors: string[] = [];

beforeAll(async () => {
  ended = await openWorld(2);
  told = await openWorld(1);
  const stories = Array.from({ length: CALLS }, (_, n) => storyOf(n));
  const order = fc.sample(fc.array(fc.nat(2 ** 30), { minLength: CALLS * 4, maxLength: CALLS * 4 }), {
    numRuns: 1,
    seed: SEED,
  })[0] as number[];
  await write(ended, interleaved(stories, order));
  await write(
    told,
    stories.flatMap(({ truth }) => truth.map((record) => ({ node: 0, record, pause: false }))),
  );
}, 60_000);
afterAll(async () => {
  for (const { database, dir, nodes } of worlds) {
    for (const { spool, recorder } of nodes) {
      await recorder.stop();
      await spool.close();
    }
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function openWorld(count: number): Promise<World> {
  const database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-corrections-"));
  const nodes: Node[] = [];
  for (let n = 0; n < count; n++) {
    const spool = await openSpool({ dir: join(dir, `spool-${n}`) });
    const onError = (message: string): unknown => errors.push(message);
    nodes.push({ spool, recorder: startRecorder({ spool, databaseUrl: database.url, masterKey, onError }) });
  }
  const world = { database, dir, nodes };
  worlds.push(world);
  return world;
}

interface Written {
  readonly node: number;
  readonly record: SpoolRecord;
  /** Everything up to here is in the database before the next is written. */
  readonly pause: boolean;
}

/** The records of all calls in a random order, those of one node and call in theirs. */
function interleaved(stories: readonly Story[], order: readonly number[]): Written[] {
  const random = order.values();
  const next = (): number => random.next().value as number;
  const placed = stories.flatMap(({ owner, other }) =>
    [owner, other].flatMap((records, node) => {
      const places = records.map(next).toSorted((a, b) => a - b);
      return records.map((record, i) => ({ node, record, at: places[i] as number }));
    }),
  );
  return placed.toSorted((a, b) => a.at - b.at).map(({ node, record, at }) => ({ node, record, pause: at % 11 === 0 }));
}

async function write({ nodes }: World, records: readonly Written[]): Promise<void> {
  for (const { node, record, pause } of records) {
    void nodes[node]?.spool.append(record);
    if (pause) for (const { recorder } of nodes) await recorder.drained();
  }
  for (const { recorder } of nodes) await recorder.drained();
}

/** Rows that count anything, with readable users: pseudonyms are of random salts. */
async function rowsOf({ database }: World, table: string): Promise<string[]> {
  const { rows } = await database.db.query<{ row: string }>(
    `SELECT (to_jsonb(t) - 'row_key' - 'user_pseudonym' || jsonb_build_object('user', u.readable))::text AS row
     FROM ${table} AS t LEFT JOIN users AS u ON u.tenant = t.tenant AND to_jsonb(u.pseudonym) = to_jsonb(t) -> 'user_pseudonym'
     WHERE t.calls <> 0 OR t.released <> 0 OR t.blocked <> 0 OR t.cost_unknown <> 0 OR t.input_tokens <> 0 OR t.output_tokens <> 0 OR t.cost_nano <> 0
     ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}

async function callsOf({ database }: World): Promise<unknown[]> {
  const calls = [];
  for await (const page of allCalls(database.db, keys, { tenant: DEFAULT_TENANT })) calls.push(...page);
  return calls
    .map(({ sequence: _place, entry_hash: _hash, doubt: _why, latency_ms: _ms, status: _status, ...call }) => ({
      ...call,
      provider: null,
    }))
    .toSorted((a, b) => (a.decision < b.decision ? -1 : 1));
}

test("the chain with corrections in it verifies, and counters are its fold", async () => {
  const options = { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys } as const;
  expect(await verifyLedger(ended.database.db, options)).toMatchObject({ result: "PASS", firstBadSequence: null });
  const { rows } = await ended.database.db.query<{ flags: number; count: bigint }>(
    "SELECT flags & 192 AS flags, count(*) FROM ledger_entries WHERE type = 6 GROUP BY 1 ORDER BY 1",
  );
  expect(rows.map(({ flags }) => flags)).toEqual([64, 128]);
  expect(rows[0]?.count).toBe(rows[1]?.count);
  expect(Number(rows[0]?.count)).toBeGreaterThan(CALLS / 9);
  const sums = async ({ database }: World): Promise<unknown[]> => {
    const all = [];
    for await (const sum of loadCounterSums(database.db, DEFAULT_TENANT, 0)) all.push(sum);
    expect(all).toEqual(await foldCounters(database.db, DEFAULT_TENANT));
    return all;
  };
  expect(await sums(ended)).toEqual(await sums(told));
  expect(errors).toEqual([]);
});

test.each(ROLL_UPS)("%s says what happened, once, whoever ended a call first", async (table) => {
  expect(await rowsOf(ended, table)).toEqual(await rowsOf(told, table));
});

test("reports that begin and end inside an hour say what happened, once", async () => {
  const span = { fromMs: START + 40_000, toMs: END - 1_000_000 };
  const asked = { tenant: DEFAULT_TENANT, ...span, limit: 1000 };
  for (const axis of USAGE_AXES) {
    const of = async ({ database }: World): Promise<unknown> => {
      const { rows, total } = await usageReport(database.db, keys, { ...asked, groupBy: [axis] });
      return [rows.filter(({ calls, blocked }) => calls + blocked > 0), total];
    };
    expect(await of(ended), axis).toEqual(await of(told));
  }
});

test("a new limit starts from what its scope used, and counts no call twice", async () => {
  const [fromMs, toMs] = [START + 40_000, Infinity];
  for (const scope of ["org", "session:run-3", "user:user-2", "model:model-1", "customer:customer-2"] as const) {
    const of = async ({ database: { db } }: World): Promise<unknown> => [
      await spendOfScope(db, keys, { ...place, scope, fromMs, toMs }),
      await callsInScope(db, keys, place, scope, fromMs),
    ];
    expect(await of(ended), scope).toEqual(await of(told));
  }
  const byValue = async ({ database: { db } }: World): Promise<unknown> => {
    const spent = await spendByValue(db, { ...place, kind: "session", fromMs, toMs: END, byQuarter: true });
    return spent.filter(({ used }) => used.requests > 0n).map((row) => JSON.stringify(row.value) + row.quarter);
  };
  expect(((await byValue(ended)) as string[]).toSorted()).toEqual(((await byValue(told)) as string[]).toSorted());
});

test("each call is listed once, as it was said last, and found by its decision", async () => {
  expect(await callsOf(ended)).toEqual((await callsOf(told)).map((call) => call));
  expect(await callsOf(ended)).toHaveLength(CALLS);
  for (const n of [2, 3, 5, 6]) {
    const found = await callByDecision(ended.database.db, DEFAULT_TENANT, sampleDecision(n));
    expect(found?.call.decision).toBe(`dec_${sampleDecision(n)}`);
    expect(found?.call.usage).toEqual(n === 5 ? null : { input: n, output: 3 * n });
  }
});

test("a rehearsal goes over each call once, as it was said last", async () => {
  const of = async ({ database }: World): Promise<string[]> => {
    const calls = [];
    for await (const page of recordedEntries(database.db, { ...place, fromMs: START, toMs: END }))
      for (const { type, usageSource, entryId, amountNano } of page)
        if (type !== "admin_action") calls.push(`${entryId} ${usageSource} ${amountNano}`);
    return calls.toSorted();
  };
  expect(await of(ended)).toEqual(await of(told));
});

test("a check whose usage was recorded is not listed as unconfirmed, whichever came first", async () => {
  const of = async ({ database }: World): Promise<unknown[]> =>
    (await listExpiredChecks(database.db, place, null, 500)).map(({ decision, reservedUsd }) => [
      decision,
      reservedUsd,
    ]);
  const unconfirmed = await of(told);
  expect(unconfirmed.length).toBeGreaterThan(CALLS / 10);
  expect(await of(ended)).toEqual(unconfirmed);
});

test("the truth in the spool of a node that was killed before it was recorded is found, though the call was swept meanwhile", async () => {
  const { database, dir } = ended;
  const [intent, lost] = [9_001, 9_002].map((n) => sampleIntent(n, { timeMs: START, environment: "dev" })) as [
    IntentRecord,
    IntentRecord,
  ];
  const spool = await openSpool({ dir: join(dir, "killed") });
  const options = { databaseUrl: database.url, masterKey, onError: (message: string) => errors.push(message) };
  const first = startRecorder({ spool, ...options });
  void spool.append(intent);
  void spool.append(lost);
  const open = async (): Promise<number> =>
    (await database.db.query("SELECT FROM open_calls WHERE intent LIKE '%\"dev\"%'")).rowCount ?? 0;
  await expect.poll(open, { timeout: 20_000 }).toBe(2);
  await first.stop();
  await spool.append(sampleOutcome(9_001));
  await write(
    ended,
    [intent, lost].map((call) => ({ node: 1, record: sweptOf(call), pause: true })),
  );

  const state = await loadRecorderState(database.db, spool.node);
  const recovered = await recoverSpool(spool, state, START, (left) => recordedCalls(database.db, left));
  expect(recovered).toEqual({ calls: [], checks: [] });
  const second = startRecorder({ spool, ...options });
  await second.drained();
  await second.stop();
  await spool.close();
  const { rows } = await database.db.query<{ amount: string; calls: number }>(
    "SELECT sum(amount_nano)::text AS amount, sum(calls_of_entry(type, flags))::int AS calls FROM ledger_entries WHERE environment = 'dev'",
  );
  expect(rows).toEqual([{ amount: "1564", calls: 2 }]);
  expect(await open()).toBe(1);
  expect(errors).toEqual([]);
});

test("a second sweeper that knows more, or less, amends nothing", async () => {
  const count = "SELECT count(*) FROM ledger_entries";
  const before = await ended.database.db.query(count);
  const known = [1, 2, 3, 8].map(intentOf);
  const again = known.map((intent) =>
    sweptOf(intent, { intent: null, reservedUsd: "1", reservedTokens: "1", counters: [] }),
  );
  await write(
    ended,
    again.map((record) => ({ node: 1, record, pause: false })),
  );
  expect((await ended.database.db.query(count)).rows).toEqual(before.rows);
});

test("what is read again after a crash amends nothing a second time", async () => {
  const count = "SELECT count(*) FROM ledger_entries";
  const before = await ended.database.db.query(count);
  // Both spools from their beginning, by recorders that remember nothing.
  for (const { recorder } of ended.nodes) await recorder.stop();
  await ended.database.db.query("DELETE FROM spool_positions");
  for (const { spool } of ended.nodes) {
    const again = startRecorder({ spool, databaseUrl: ended.database.url, masterKey, onError: () => {} });
    await again.drained();
    await again.stop();
  }
  expect((await ended.database.db.query(count)).rows).toEqual(before.rows);
});
