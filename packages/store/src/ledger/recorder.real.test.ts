import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { foldCounters, loadCounterSums } from "../reports/counter-sums.ts";
import { openSpool } from "../spool/spool.ts";
import type { Spool, SpoolOptions } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { startRecorder } from "./recorder.ts";
import type { Recorder } from "./recorder.ts";
import { loadRecorderState } from "./recorder-state.ts";
import { sampleAdmin, sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);
const OTHER_TENANT = "0123456789abcdef0123456789abcdef";

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
let errors: string[];

beforeEach(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  errors = [];
  await start();
});
afterEach(async () => {
  await stop();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: Partial<SpoolOptions> = {}): Promise<void> {
  spool = await openSpool({ dir, ...options });
  const onError = (message: string): unknown => errors.push(message);
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError });
}

async function stop(): Promise<void> {
  await recorder.stop();
  await spool.close();
}

async function one<Row>(text: string): Promise<Row> {
  const [row] = (await database.db.query<Row>(text)).rows;
  if (row === undefined) throw new Error(`no row: ${text}`);
  return row;
}

/** Sequences 1…n without a gap, every MAC and column right, and counters equal to the fold. Returns n. */
async function soundLedger(tenant = DEFAULT_TENANT): Promise<bigint> {
  const verified = await verifyLedger(database.db, { tenant, from: 1n, to: "latest", keys });
  expect(verified).toMatchObject({ result: "PASS", tail: "NOT PROVEN", firstBadSequence: null });
  const sums = [];
  for await (const sum of loadCounterSums(database.db, tenant, 0)) sums.push(sum);
  expect(sums).toEqual(await foldCounters(database.db, tenant));
  return verified.entries;
}

test("a chain starts with its genesis; calls, blocked calls and admin actions follow in spool order", async () => {
  void spool.append(sampleIntent(1));
  void spool.append(sampleOutcome(1));
  void spool.append(sampleIntent(2));
  void spool.append(sampleOutcome(2, { end: "released", usage: {}, cost: "0", deltas: ["0", "0", "0"] }));
  void spool.append(sampleBlocked(3));
  void spool.append(sampleAdmin(4));
  await recorder.drained();
  const { rows } = await database.db.query("SELECT type, amount_nano, reason FROM ledger_entries ORDER BY sequence");
  expect(rows).toEqual([
    { type: 1, amount_nano: 0n, reason: null },
    { type: 2, amount_nano: 564n, reason: null },
    { type: 4, amount_nano: 0n, reason: null },
    { type: 3, amount_nano: 0n, reason: "BUDGET_EXCEEDED" },
    { type: 7, amount_nano: 0n, reason: null },
  ]);
  expect(await soundLedger()).toBe(5n);
  expect(recorder.lag()).toEqual({ bytes: 0, records: 0 });
  expect(errors).toEqual([]);
});

test("reading the whole spool again changes nothing", async () => {
  for (let n = 0; n < 100; n++) {
    void spool.append(sampleIntent(n));
    void spool.append(sampleOutcome(n));
    void spool.append(sampleBlocked(1000 + n, { timeMs: 1_795_000_000_000 }));
  }
  await recorder.drained();
  const state = async (): Promise<unknown> => ({
    chain: await one("SELECT count(*), max(entry_hash::text) FROM ledger_entries"),
    usage: await one("SELECT sum(calls) c, sum(blocked) b, sum(cost_nano) n FROM usage_hourly"),
    counters: await one("SELECT sum(settled) FROM counter_sums"),
  });
  const before = await state();
  await stop();
  // As if the commit of the place had been lost, but not the entries: the place is committed with them, so this is worse than any crash.
  await database.db.query(
    "UPDATE spool_positions SET start_segment = 0, start_offset = 0, done_segment = 0, done_offset = 0",
  );
  await start();
  await recorder.drained();
  expect(await state()).toEqual(before);
  expect(await soundLedger()).toBe(152n);
});

test("of a flood of blocked calls fifty a second get an entry, the rest one summary with counts by reason", async () => {
  const timeMs = 1_795_000_000_000;
  for (let n = 0; n < 170; n++)
    void spool.append(sampleBlocked(n, { timeMs: timeMs + n, reason: n < 100 ? "BUDGET_EXCEEDED" : "RATE_LIMITED" }));
  for (let n = 200; n < 210; n++) void spool.append(sampleBlocked(n, { timeMs: timeMs + 1000 }));
  await recorder.drained();
  expect(await one("SELECT count(*) FROM ledger_entries WHERE type = 3")).toEqual({ count: 60n });
  expect(await one("SELECT count(*), sum(blocked_calls) FROM ledger_entries WHERE type = 10")).toEqual({
    count: 1n,
    sum: "120",
  });
  expect(await one("SELECT sum(blocked) FROM usage_hourly")).toEqual({ sum: "180" });
  await soundLedger();
});

test("a restart that reads a flood again, because a call in its middle is open, counts nothing twice", async () => {
  for (let n = 100; n < 180; n++) {
    if (n === 130) void spool.append(sampleIntent(1));
    void spool.append(sampleBlocked(n, { timeMs: 1_795_000_000_000 }));
  }
  await recorder.drained();
  await stop();
  expect((await loadRecorderState(database.db, spool.node)).start.segment).toBe(1);
  await start();
  void spool.append(sampleOutcome(1));
  await recorder.drained();
  expect(await one("SELECT sum(blocked_calls) FROM ledger_entries")).toEqual({ sum: "80" });
  expect(await one("SELECT sum(blocked) FROM usage_hourly")).toEqual({ sum: "80" });
  expect(await soundLedger()).toBe(53n);
});

test("a flood that stops is summarised by itself", async () => {
  for (let n = 0; n < 60; n++) void spool.append(sampleBlocked(n));
  await expect
    .poll(() => one("SELECT count(*) FROM ledger_entries WHERE type = 10"), { timeout: 10_000 })
    .toEqual({
      count: 1n,
    });
});

test("an unknown cost is flagged, never a plain zero", async () => {
  void spool.append(sampleIntent(1, { priceVersion: null }));
  void spool.append(sampleOutcome(1, { cost: null, deltas: ["0", "184", "1"] }));
  await recorder.drained();
  expect(await one("SELECT amount_nano, flags & 1 AS unknown FROM ledger_entries WHERE type = 2")).toEqual({
    amount_nano: 0n,
    unknown: 1,
  });
  expect(await one("SELECT cost_unknown FROM usage_hourly")).toEqual({ cost_unknown: 1n });
});

test("a body carries a pseudonym of the user; erasing the row leaves a chain that verifies, and a stranger who returns", async () => {
  void spool.append(sampleIntent(1, { dimensions: { user: "alice@example.com" } }));
  void spool.append(sampleOutcome(1));
  await recorder.drained();
  const first = await one<{ body: Buffer; user_pseudonym: Buffer }>("SELECT * FROM ledger_entries WHERE type = 2");
  expect(first.body.includes("alice")).toBe(false);
  expect(await one("SELECT readable FROM users")).toEqual({ readable: "alice@example.com" });
  await database.db.query("DELETE FROM users");
  void spool.append(sampleIntent(2, { dimensions: { user: "alice@example.com" } }));
  void spool.append(sampleOutcome(2));
  await recorder.drained();
  const [, second] = (
    await database.db.query<{ user_pseudonym: Buffer }>("SELECT * FROM ledger_entries WHERE type = 2 ORDER BY sequence")
  ).rows;
  expect(second?.user_pseudonym).toHaveLength(32);
  expect(second?.user_pseudonym).not.toEqual(first.user_pseudonym);
  await soundLedger();
});

test("tenants have chains of their own, and one cannot be read as the other", async () => {
  for (let n = 0; n < 40; n++) {
    void spool.append(sampleIntent(n, { tenant: n % 2 ? DEFAULT_TENANT : OTHER_TENANT }));
    void spool.append(sampleOutcome(n));
  }
  await recorder.drained();
  expect(await soundLedger()).toBe(21n);
  expect(await soundLedger(OTHER_TENANT)).toBe(21n);
});

test("a backlog of several batches, the next made while one is written, becomes chains without a gap, every call once", async () => {
  await stop();
  spool = await openSpool({ dir });
  const tenants = [DEFAULT_TENANT, OTHER_TENANT];
  // Longer than a batch and a half.
  const calls = 6300;
  for (let n = 0; n < calls; n++) {
    const appended = [
      spool.append(sampleIntent(n, { tenant: tenants[n % 2] as string })),
      spool.append(sampleOutcome(n)),
    ];
    if (n % 100 === 0) await Promise.all(appended);
  }
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: (message) => errors.push(message) });
  await recorder.drained();
  expect(errors).toEqual([]);
  expect(await soundLedger()).toBe(BigInt(calls / 2 + 1));
  expect(await soundLedger(OTHER_TENANT)).toBe(BigInt(calls / 2 + 1));
  expect(await one("SELECT sum(calls) AS calls, sum(cost_nano) AS cost FROM usage_by_user_monthly")).toEqual({
    calls: String(calls),
    cost: String(calls * 564),
  });
  expect(recorder.entries()).toBe(calls + tenants.length);
});

test("a call open for long holds back neither the spool nor its own truth", async () => {
  await stop();
  await start({ segmentBytes: 8192 });
  const long = sampleIntent(1);
  void spool.append(long);
  void spool.append({ t: "extend", decision: long.decision, usd: "100", tokens: "10" });
  for (let n = 100; n < 200; n++) {
    await spool.append(sampleIntent(n));
    await spool.append(sampleOutcome(n));
  }
  await expect.poll(() => one("SELECT count(*) FROM open_calls"), { timeout: 10_000 }).toEqual({ count: 1n });
  await expect.poll(() => readdirSync(dir).filter((name) => name.endsWith(".seg")).length).toBe(1);
  void spool.append({ t: "extend", decision: long.decision, usd: "5", tokens: "0" });
  await recorder.drained();
  await stop();
  const state = await loadRecorderState(database.db, spool.node);
  expect(state.open).toMatchObject([{ reservedUsd: 1105n, reservedTokens: 510n }]);
  await start();
  void spool.append(sampleOutcome(1));
  await recorder.drained();
  expect(await one("SELECT count(*) FROM open_calls")).toEqual({ count: 0n });
  expect(await one("SELECT count(*) FROM ledger_entries WHERE type = 2")).toEqual({ count: 101n });
  await soundLedger();
});

test("texts that PostgreSQL cannot hold are kept in the body, and do not stop the recorder", async () => {
  void spool.append(sampleIntent(1, { model: "a\0b\uD800", dimensions: { session: 'x","\\{}', user: "u\0" } }));
  void spool.append(sampleOutcome(1));
  await recorder.drained();
  expect(await one("SELECT model, session FROM ledger_entries WHERE type = 2")).toEqual({
    model: "a\uFFFDb\uFFFD",
    session: 'x","\\{}',
  });
  await soundLedger();
});

test("ids of a user that differ only in what has no UTF-8 are one user, in one batch too", async () => {
  for (const [n, user] of ["u\uD800", "u\uD801", "other"].entries()) {
    void spool.append(sampleIntent(n, { dimensions: { user } }));
    void spool.append(sampleOutcome(n));
  }
  await recorder.drained();
  expect(errors).toEqual([]);
  expect(
    await one("SELECT count(*), count(DISTINCT user_pseudonym) AS users FROM ledger_entries WHERE type = 2"),
  ).toEqual({
    count: 3n,
    users: 2n,
  });
  await soundLedger();
});
