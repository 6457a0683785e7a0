import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeBody, entryMac, type StoredEntry } from "@tollhouse/ledger";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSpool, type Spool } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { startRecorder, type Recorder } from "./recorder.ts";
import { sampleAdmin, sampleDecision } from "./sample-records.ts";
import { DEFAULT_TENANT, idBytes } from "./tenant-id.ts";
import { verifyLedger, type VerifyResult } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);
const OTHER_TENANT = "0123456789abcdef0123456789abcdef";

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
beforeEach(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  await start();
});
afterEach(async () => {
  await stop();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  spool = await openSpool({ dir });
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => undefined });
}

async function stop(): Promise<void> {
  await recorder.stop();
  await spool.close();
}

function rotate(n: number, tenant = DEFAULT_TENANT): Promise<void> {
  return spool.append({ t: "rotation", id: sampleDecision(n), timeMs: Date.now(), tenant, actor: "admin-key" });
}

async function stored(): Promise<StoredEntry[]> {
  const { rows } = await database.db.query<{ sequence: bigint; body: Buffer; entry_hash: Buffer; mac: Buffer }>(
    "SELECT sequence, body, entry_hash, mac FROM ledger_entries WHERE tenant = $1 ORDER BY sequence",
    [DEFAULT_TENANT],
  );
  return rows.map(({ sequence, body, entry_hash: entryHash, mac }) => ({ sequence, body, entryHash, mac }));
}

const macKeys = async (): Promise<number[]> => (await stored()).map(({ body }) => decodeBody(body).macKeyId);

function verify(over: { from?: bigint; keys?: LedgerKeys | null } = {}): Promise<VerifyResult> {
  return verifyLedger(database.db, { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys, ...over });
}

test("a rotation is MACed by the key before it, and all that follows by the next, in one batch and over restarts", async () => {
  await spool.append(sampleAdmin(1));
  await rotate(2);
  await spool.append(sampleAdmin(3));
  await rotate(4);
  await recorder.drained();
  await stop();
  await start();
  await spool.append(sampleAdmin(5));
  await recorder.drained();
  expect(await macKeys()).toEqual([1, 1, 1, 2, 2, 3]);
  expect(await verify()).toMatchObject({ result: "PASS", entries: 6n });
  expect(await verify({ from: 5n })).toMatchObject({ result: "PASS", entries: 2n });
});

test("a chain may begin with a rotation, and another tenant's keeps its key", async () => {
  await rotate(1);
  await rotate(2, OTHER_TENANT);
  await spool.append(sampleAdmin(3));
  await recorder.drained();
  expect(await macKeys()).toEqual([1, 1, 2]);
  for (const tenant of [DEFAULT_TENANT, OTHER_TENANT])
    expect(await verifyLedger(database.db, { tenant, from: 1n, to: "latest", keys })).toMatchObject({ result: "PASS" });
});

test("under load, every entry has the key of its place, each rotation has its own, and none is made twice", async () => {
  const writing: Promise<void>[] = [];
  for (let n = 1; n <= 2_000; n++) {
    writing.push(n % 100 === 0 ? rotate(n) : spool.append(sampleAdmin(n)));
    if (n % 50 === 0) await Promise.all(writing.splice(0));
    if (n % 500 === 0) {
      await stop();
      await start();
    }
  }
  await recorder.drained();
  expect(await verify()).toMatchObject({ result: "PASS", entries: 2_001n });
  const ids = await macKeys();
  expect([ids[0], ids.at(-1)]).toEqual([1, 20]);
  for (let i = 1; i < ids.length; i++) expect(ids[i]).toBe(1 + Math.floor((i - 1) / 100));
});

test("under another master key every MAC is wrong from the first entry on; without keys the rest still holds", async () => {
  await rotate(1);
  await spool.append(sampleAdmin(2));
  await recorder.drained();
  expect(await verify({ keys: new LedgerKeys(Buffer.alloc(32, 8)) })).toMatchObject({
    result: "FAIL",
    firstBadSequence: 1n,
  });
  expect(await verify({ keys: null })).toMatchObject({ result: "PASS" });
});

test("an entry behind a rotation that the key before it has MACed is found", async () => {
  await rotate(1);
  await spool.append(sampleAdmin(2));
  await recorder.drained();
  const last = (await stored()).at(-1) as StoredEntry;
  const mac = entryMac(keys.mac(DEFAULT_TENANT, 1), idBytes("tenant", DEFAULT_TENANT), last.sequence, last.entryHash);
  const { db } = database;
  await db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  await db.query("UPDATE ledger_entries SET mac = $1 WHERE sequence = $2", [Buffer.from(mac), last.sequence]);
  expect(await verify()).toMatchObject({ result: "FAIL", firstBadSequence: last.sequence });
});
