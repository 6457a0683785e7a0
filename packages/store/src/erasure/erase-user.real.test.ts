import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { appendBatch, type Batch } from "../ledger/append-batch.ts";
import { LedgerKeys } from "../ledger/ledger-keys.ts";
import { startRecorder, type Recorder } from "../ledger/recorder.ts";
import { BatchMaker } from "../ledger/batch-maker.ts";
import { loadDeploymentId, loadRecorderState } from "../ledger/recorder-state.ts";
import { sampleDecision, sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { verifyLedger } from "../ledger/verify-store.ts";
import { SPOOL_START } from "../spool/position.ts";
import { readSpool } from "../spool/read-spool.ts";
import type { ErasureRecord } from "../spool/records.ts";
import { openSpool, type Spool } from "../spool/spool.ts";

const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);
const NO_ROWS: ErasureRecord["rows"] = { limits: [], blocks: [], keys: [], policies: [] };

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder | null;
let errors: string[];
beforeEach(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  spool = await openSpool({ dir });
  recorder = null;
  errors = [];
});
afterEach(async () => {
  await recorder?.stop();
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

function erasureOf(n: number, user: string, over: Partial<ErasureRecord> = {}): ErasureRecord {
  return {
    t: "erasure",
    id: sampleDecision(n),
    timeMs: Date.UTC(2026, 10, 21, 6, 31) + n,
    tenant: DEFAULT_TENANT,
    actor: "admin-key",
    lookup: keys.userLookup(DEFAULT_TENANT, user).toString("hex"),
    rows: NO_ROWS,
    ...over,
  };
}

async function call(n: number, user: string): Promise<void> {
  void spool.append(sampleIntent(n, { dimensions: { user } }));
  await spool.append(sampleOutcome(n));
}

async function record(): Promise<void> {
  recorder ??= startRecorder({
    spool,
    databaseUrl: database.url,
    masterKey,
    onError: (message) => errors.push(message),
  });
  await recorder.drained();
  expect(errors).toEqual([]);
}

/** Type and pseudonym of each entry but the genesis, pseudonyms as letters in the order in which they come. */
async function entries(): Promise<string[]> {
  const { rows } = await database.db.query<{ type: number; user: string | null }>(
    "SELECT type, encode(user_pseudonym, 'hex') AS user FROM ledger_entries WHERE type <> 1 ORDER BY sequence",
  );
  const names = new Map<string, string>();
  return rows.map(({ type, user }) => {
    if (user === null) return String(type);
    if (!names.has(user)) names.set(user, String.fromCodePoint(97 + names.size));
    return `${type}${names.get(user)}`;
  });
}

const users = async (): Promise<(string | null)[]> =>
  (await database.db.query<{ readable: string | null }>("SELECT readable FROM users ORDER BY readable")).rows.map(
    ({ readable }) => readable,
  );

async function verified(): Promise<bigint> {
  const result = await verifyLedger(database.db, { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys });
  expect(result).toMatchObject({ result: "PASS", firstBadSequence: null });
  return result.entries;
}

test("in one batch, calls before an erasure are the user's, those after it a stranger's, and others keep theirs", async () => {
  await call(1, "alice");
  await call(2, "bob");
  await spool.append(erasureOf(3, "alice"));
  await call(4, "alice");
  await call(5, "bob");
  await spool.append(erasureOf(6, "alice"));
  await call(7, "alice");
  await record();
  expect(await entries()).toEqual(["2a", "2b", "9a", "2c", "2b", "9c", "2d"]);
  expect(await users()).toEqual(["alice", "bob"]);
  expect(await verified()).toBe(8n);
});

test("an erasure whose commit was not heard of is not made twice: the stranger who came since stays", async () => {
  await call(1, "alice");
  await spool.append(erasureOf(2, "alice"));
  await call(3, "alice");
  const context = { keys, deploymentId: await loadDeploymentId(database.db), keepReadable: true };
  const state = await loadRecorderState(database.db, spool.node);
  const maker = new BatchMaker(spool.node, state, (message) => errors.push(message));
  const frames = [];
  for await (const frame of readSpool(dir, SPOOL_START)) frames.push(frame);
  const batch = maker.make(frames, spool.end(), Date.now(), true) as Batch;
  expect(await appendBatch(database.db, context, batch)).toBe(4);
  expect(await appendBatch(database.db, context, batch)).toBe(0);
  expect(await entries()).toEqual(["2a", "9a", "2b"]);
  expect(await users()).toEqual(["alice"]);
  await verified();
});

test("an erasure that a stopped process left in the spool is made by the next one", async () => {
  await call(1, "alice");
  await record();
  await recorder?.stop();
  recorder = null;
  await spool.append(erasureOf(2, "alice"));
  await spool.close();
  expect(await users()).toEqual(["alice"]);
  spool = await openSpool({ dir });
  await record();
  expect(await users()).toEqual([]);
  expect(await entries()).toEqual(["2a", "9a"]);
  await verified();
});

test("somebody who is not known is erased without a pseudonym, and nobody else with them", async () => {
  await call(1, "alice");
  await spool.append(erasureOf(2, "nobody"));
  await record();
  expect(await entries()).toEqual(["2a", "9"]);
  expect(await users()).toEqual(["alice"]);
});

test("rows in force are left alone, whatever an erasure says", async () => {
  const { db } = database;
  const limit = `'${DEFAULT_TENANT}', 'prod', 'lim_1', 'user:alice', 'usd', 1, 'day', 'UTC', 'hard', 1`;
  await db.query(
    `INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version) VALUES (${limit})`,
  );
  await db.query(
    `INSERT INTO limit_versions (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version) VALUES (${limit})`,
  );
  await db.query(
    `INSERT INTO blocks (tenant, environment, id, kind, scope, reason, operator, created_at)
     VALUES ('${DEFAULT_TENANT}', 'prod', 'blk_1', 'blocklist', 'user:alice', '-', '-', now())`,
  );
  await spool.append(erasureOf(1, "alice", { rows: { ...NO_ROWS, limits: ["lim_1"], blocks: ["blk_1"] } }));
  await record();
  const { rows } = await db.query(
    "SELECT scope FROM limits UNION ALL SELECT scope FROM limit_versions UNION ALL SELECT scope FROM blocks",
  );
  expect(rows).toEqual([{ scope: "user:alice" }, { scope: "user:alice" }, { scope: "user:alice" }]);
});
