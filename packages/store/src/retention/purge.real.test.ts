import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeBody, decodeFields, encodeBody, encodeFields, entryHash } from "@tollhouse/ledger";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTenantDatabases, type Database, type TenantDatabases } from "../database/database.ts";
import { makeCheckpoint } from "../ledger/checkpoint-maker.ts";
import { checkpointSigner } from "../ledger/checkpoint-signer.ts";
import { exportEntries } from "../ledger/export-entries.ts";
import { findEntry } from "../ledger/found-entry.ts";
import { importEntries } from "../ledger/import-entries.ts";
import { LedgerKeys, sha256 } from "../ledger/ledger-keys.ts";
import { DETAILS } from "../ledger/projection.ts";
import { purgeRecord } from "../ledger/purges.ts";
import { readEntries } from "../ledger/read-entries.ts";
import { startRecorder, type Recorder } from "../ledger/recorder.ts";
import { sampleAdmin, sampleBlocked, sampleDecision, sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { verifyLedger, type VerifyResult } from "../ledger/verify-store.ts";
import { recordedEntries } from "../policies/recorded-calls.ts";
import { spendByValue } from "../policies/spend-by-value.ts";
import { allCalls, callByDecision, findCall, listCalls, type CallsRequest } from "../reports/calls.ts";
import { newEntries } from "../reports/new-entries.ts";
import { spendOfScope } from "../reports/spent-in-scope.ts";
import { usageReport, type UsageRequest } from "../reports/usage-report.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import type { SpoolRecord } from "../spool/records.ts";
import { DetailsPurged } from "./details-purged.ts";
import { beginPurge, clearPage, endPurge, loadPurge, placeToBegin, type PurgePlace } from "./purge-store.ts";

// June and July of `prod` are purged; August of it, and all of `labs`, are not.

const masterKey = Buffer.alloc(32, 9);
const keys = new LedgerKeys(masterKey);
const signer = checkpointSigner({ masterKey, seeds: [] });
const tenant = DEFAULT_TENANT;
const PROD = { tenant, environment: "prod" };
const [JUNE, JULY, AUGUST] = [5, 6, 7].map((month) => Date.UTC(2026, month, 1)) as [number, number, number];
const DAY = 86_400_000;
const AT_AUGUST = "2026-08-01T00:00:00.000Z";
const us = (ms: number): bigint => BigInt(ms) * 1000n;

let database: TestDatabase;
let tenants: TenantDatabases;
/** As a report asks. */
let db: Database;
let spool: Spool;
let recorder: Recorder;
let dir: string;
let before: readonly unknown[];

beforeAll(async () => {
  database = await testDatabase();
  tenants = await openTenantDatabases({ url: database.url }, { connectionsMax: 2 });
  db = tenants.of(tenant);
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  spool = await openSpool({ dir });
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (const name of ["prod", "labs"])
    await database.db.query(
      `INSERT INTO environments (tenant, name, created_at) VALUES ('${tenant}', '${name}', now()) ON CONFLICT DO NOTHING`,
    );
  await write([
    ...callAt(1, JUNE + DAY),
    ...callAt(2, JULY),
    ...callAt(3, JULY + 5 * DAY + 1_800_000),
    sampleBlocked(4, { timeMs: JULY + 6 * DAY }),
    ...Array.from({ length: 70 }, (_, n) => sampleBlocked(500 + n, { timeMs: JULY + 7 * DAY })),
    sampleAdmin(5, { timeMs: JULY + 8 * DAY }),
    ...callAt(6, AUGUST - 1),
    ...callAt(7, AUGUST),
    ...callAt(8, AUGUST + DAY),
    ...callAt(9, JULY + DAY, "labs"),
  ]);
  before = await kept();
  await purge();
});
afterAll(async () => {
  await recorder.stop();
  await spool.close();
  await tenants.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

function callAt(n: number, timeMs: number, environment = "prod"): SpoolRecord[] {
  return [sampleIntent(n, { timeMs, environment }), sampleOutcome(n, { timeMs: timeMs + 800 })];
}

async function write(records: readonly SpoolRecord[]): Promise<void> {
  for (const each of records) void spool.append(each);
  await recorder.drained();
}

/** Everything that no purge may change. */
async function kept(): Promise<unknown[]> {
  const rows = async (statement: string): Promise<unknown> => (await database.db.query(statement)).rows;
  return [
    await rows(`SELECT sequence, entry_id, ref_id, type, flags, time_us, amount_nano, usage_source, environment, input_tokens,
      output_tokens, blocked_calls, body, entry_hash, mac FROM ledger_entries WHERE type <> 7 ORDER BY sequence`),
    await rows("SELECT * FROM counter_sums ORDER BY limit_id, window_id"),
    await rows("SELECT * FROM usage_hourly ORDER BY hour, row_key"),
    await rows("SELECT * FROM usage_of_sessions ORDER BY tenant, environment, session, day"),
    await rows("SELECT * FROM usage_by_customer ORDER BY day, row_key"),
  ];
}

let purges = 0;
/** As the job does it. */
async function purge(keptFrom = AUGUST): Promise<void> {
  const id = (): string => sampleDecision(9_000 + purges++);
  for (
    let begun = await beginPurge(database.db, PROD, us(keptFrom), id());
    begun !== null;
    begun = await beginPurge(database.db, PROD, us(keptFrom), id())
  ) {
    await write([purgeRecord({ ...PROD, ...begun }, AUGUST + 40 * DAY)]);
    const upTo = BigInt((await findEntry(database.db, tenant, begun.entryId))?.sequence ?? 0);
    expect(upTo).toBeGreaterThan(0n);
    let at: PurgePlace | null = placeToBegin(begun, upTo);
    while (at !== null) at = await clearPage(database.db, PROD, begun, upTo, at);
    await endPurge(database.db, PROD, begun, upTo);
  }
}

function verify(more: Partial<Parameters<typeof verifyLedger>[1]> = {}): Promise<VerifyResult> {
  return verifyLedger(database.db, { tenant, from: 1n, to: "latest", keys, signer, ...more });
}

async function detailsOf(n: number): Promise<Record<string, unknown>> {
  const columns = [...DETAILS].join(", ");
  const { rows } = await database.db.query(`SELECT ${columns} FROM ledger_entries WHERE entry_id = $1`, [
    sampleDecision(n),
  ]);
  return rows[0] as Record<string, unknown>;
}

/** With every right, and its own way back. */
async function tampered<T>(statement: string, values: readonly unknown[], look: () => Promise<T>): Promise<T> {
  await database.db.query("CREATE TABLE genuine AS SELECT * FROM ledger_entries");
  await database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  try {
    expect((await database.db.query(statement, [...values])).rowCount).toBe(1);
    return await look();
  } finally {
    await database.db.query("DELETE FROM ledger_entries");
    await database.db.query("INSERT INTO ledger_entries SELECT * FROM genuine");
    await database.db.query("DROP TABLE genuine");
    await database.db.query("ALTER TABLE ledger_entries ENABLE TRIGGER ALL");
  }
}

describe("a month that was purged", () => {
  test("has nothing in any row that names who and what; other months, other environments and changes are untouched", async () => {
    for (const n of [1, 2, 3, 4, 6])
      expect(Object.values(await detailsOf(n)), String(n)).toEqual(Array.from(DETAILS, () => null));
    for (const n of [7, 8, 9]) expect(await detailsOf(n)).toMatchObject({ model: "gpt-4o-mini", team: "sales" });
    const left = await database.db.query(
      "SELECT FROM ledger_entries WHERE type = 10 AND num_nonnulls(provider, model, reason) > 0",
    );
    expect(left.rowCount).toBe(0);
  });

  test("leaves bodies, hashes, MACs, times, amounts, counters and every roll-up as they were", async () => {
    expect(await kept()).toEqual(before);
  });

  test("is said by an entry of the chain, with what there was of it", async () => {
    const last = await loadPurge(database.db, PROD);
    expect(last).toMatchObject({ fromUs: us(JULY), beforeUs: us(AUGUST) });
    const { entry } = (await findEntry(database.db, tenant, last?.entryId ?? "")) ?? {};
    expect(entry && decodeFields(entry.fields)).toMatchObject({
      action: "retention.purged",
      environment: "prod",
      subject: "2026-07",
      after: JSON.stringify({ before: AT_AUGUST, entries: Number(last?.entries), payloads: 0 }),
    });
    expect(last?.entries).toBeGreaterThanOrEqual(4n);
  });

  test("verifies as before, with and without the keys, from any place to any place", async () => {
    await makeCheckpoint({ db: database.db, signer, tenant, nowMs: Date.now() });
    const { entries } = await verify();
    const { rows } = await database.db.query<{ purged: bigint }>(
      `SELECT count(*) AS purged FROM ledger_entries WHERE environment = 'prod' AND type IN (2, 3) AND num_nulls(provider, reason) = 2`,
    );
    const purged = rows[0]?.purged ?? 0n;
    expect(purged).toBeGreaterThan(50n);
    expect(await verify()).toMatchObject({ result: "PASS", checkpoints: 1, purged });
    // Of a chain that is walked in parts, the entry at which they meet is counted once.
    for (let at = 1n; at <= entries; at += 5n) {
      const [first, rest] = [await verify({ to: at }), await verify({ from: at, isContinued: true })];
      expect([at, (first.purged ?? 0n) + (rest.purged ?? 0n)]).toEqual([at, purged]);
    }
    expect(await verify({ keys: null })).toMatchObject({ result: "PASS" });
    for (let from = 1n; from <= entries; from += 7n)
      expect(await verify({ from, to: from })).toMatchObject({ result: "PASS" });
  });
});

describe("what nobody purged is found", () => {
  const sequenceOf = async (n: number): Promise<bigint> =>
    BigInt((await findEntry(database.db, tenant, sampleDecision(n)))?.sequence ?? 0);
  const cleared = `SET ${[...DETAILS].map((column) => `${column} = NULL`).join(", ")}`;

  test.each([
    ["a row of a month that is not purged", 8],
    ["a row of another environment", 9],
  ])("%s, cleared by hand", async (_, n) => {
    const sequence = await sequenceOf(n);
    const found = await tampered(
      `UPDATE ledger_entries ${cleared} WHERE tenant = $1 AND sequence = $2`,
      [tenant, sequence],
      verify,
    );
    expect(found).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
  });

  test.each([...DETAILS, "amount_nano", "time_us", "environment", "input_tokens", "body"])(
    "a purged row in which %s was changed",
    async (column) => {
      const sequence = await sequenceOf(3);
      const values: Record<string, string> = { user_pseudonym: "'\\x00'", body: "set_byte(body, 75, 1)" };
      const value = values[column] ?? (/^(status|amount_nano|time_us|input_tokens)$/.test(column) ? "7" : "'other'");
      const found = await tampered(
        `UPDATE ledger_entries SET ${column} = ${value} WHERE tenant = $1 AND sequence = $2`,
        [tenant, sequence],
        verify,
      );
      expect(found).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
    },
  );

  test("a row cleared under an entry that somebody without the keys wrote, also by a walk that ends before it", async () => {
    const { entryId } = (await loadPurge(database.db, PROD)) ?? { entryId: "" };
    const [row] = (
      await database.db.query<{ body: Buffer; sequence: bigint; previous: Buffer }>(
        `SELECT e.body, e.sequence, p.entry_hash AS previous FROM ledger_entries AS e
         JOIN ledger_entries AS p ON p.tenant = e.tenant AND p.sequence = e.sequence - 1 WHERE e.entry_id = $1`,
        [entryId],
      )
    ).rows;
    if (row === undefined) throw new Error("no purge");
    const entry = decodeBody(row.body);
    const fields = { ...decodeFields(entry.fields), after: JSON.stringify({ before: "2026-09-01T00:00:00.000Z" }) };
    const body = Buffer.from(encodeBody({ ...entry, fields: encodeFields(fields) }));
    const sequence = await sequenceOf(8);
    const found = await tampered(
      `WITH forged AS (UPDATE ledger_entries SET body = $3, entry_hash = $4 WHERE tenant = $1 AND entry_id = $5)
       UPDATE ledger_entries ${cleared} WHERE tenant = $1 AND sequence = $2`,
      [tenant, sequence, body, Buffer.from(entryHash(sha256, row.previous, body)), entryId],
      async () => [await verify({ to: row.sequence - 1n }), await verify()],
    );
    for (const each of found) expect(each).toMatchObject({ result: "FAIL" });
    expect(found[0]?.firstBadSequence).toBeLessThanOrEqual(sequence);
  });

  test("a row beside the chain purges nothing", async () => {
    await database.db.query("UPDATE purged_details SET before_us = before_us + 9000000000000");
    const sequence = await sequenceOf(8);
    const found = await tampered(
      `UPDATE ledger_entries ${cleared} WHERE tenant = $1 AND sequence = $2`,
      [tenant, sequence],
      verify,
    );
    await database.db.query("UPDATE purged_details SET before_us = before_us - 9000000000000");
    expect(found).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
  });

  test("the trigger lets nothing else through, whoever asks for it", async () => {
    const clearing = (statement: string): Promise<unknown> =>
      database.db.transaction(async (tx) => {
        await tx.query("SET LOCAL tollhouse.clears = 'details'");
        await tx.query(statement);
      });
    await expect(clearing("UPDATE ledger_entries SET amount_nano = 0")).rejects.toThrow(/append-only/);
    await expect(clearing("UPDATE ledger_entries SET model = 'other'")).rejects.toThrow(/append-only/);
    await expect(clearing("UPDATE ledger_entries SET reason = NULL WHERE type = 7")).rejects.toThrow(/append-only/);
    await expect(clearing("DELETE FROM ledger_entries")).rejects.toThrow(/append-only/);
    await expect(database.db.query("UPDATE ledger_entries SET model = NULL")).rejects.toThrow(/append-only/);
    await expect(db.query("SELECT * FROM clear_details($1, 'prod', 1, '{1}')", [tenant])).rejects.toThrow(/permission/);
    await expect(db.query("UPDATE purged_details SET before_us = 1")).rejects.toThrow(/permission/);
  });
});

describe("is not answered as nothing:", () => {
  const usage = (over: Partial<UsageRequest>): Promise<{ total: { calls: number } }> =>
    usageReport(db, keys, {
      tenant,
      fromMs: JULY,
      toMs: AUGUST,
      groupBy: [],
      filter: { environment: ["prod"] },
      ...over,
    });
  const purged = { name: "DetailsPurged", purgedBefore: AT_AUGUST };

  test("usage by names over an end inside a purged hour; whole hours and sums of the environment are answered", async () => {
    const inside = { fromMs: JULY + 5 * DAY + 1_000, groupBy: ["model"] } as const;
    await expect(usage(inside)).rejects.toMatchObject({ ...purged, field: "from" });
    await expect(usage({ toMs: AUGUST - 1_000, filter: { session: ["run-6"] } })).rejects.toMatchObject({
      ...purged,
      field: "to",
    });
    expect((await usage({ ...inside, fromMs: JULY + 5 * DAY })).total.calls).toBe(2);
    expect((await usage({ ...inside, groupBy: [] })).total.calls).toBe(2);
    expect((await usage({ ...inside, filter: { environment: ["labs"] }, fromMs: JULY + 1 })).total.calls).toBe(1);
    expect((await usage({ fromMs: 0, toMs: Infinity, groupBy: ["user", "model"] })).total.calls).toBe(6);
  });

  const calls = (over: Partial<CallsRequest> = {}): ReturnType<typeof listCalls> =>
    listCalls(db, keys, { tenant, limit: 100, cursor: null, ...over });
  test("a list of calls ends where details do, and says so; of a range before it there is none", async () => {
    expect(await calls({ filter: { environment: ["prod"] } })).toMatchObject({
      calls: [{ decision: `dec_${sampleDecision(8)}` }, { decision: `dec_${sampleDecision(7)}` }],
      next_cursor: null,
      purged_before: AT_AUGUST,
    });
    for (const filter of [{ session: ["run-2"] }, { model: ["gpt-4o-mini"] }])
      expect(await calls({ filter, toMs: AUGUST - DAY })).toMatchObject({ purged_before: AT_AUGUST });
    expect((await calls()).calls).toHaveLength(3);
    expect(await calls({ fromMs: AUGUST })).not.toHaveProperty("purged_before");
    const gone = { filter: { environment: ["prod"] }, toMs: AUGUST };
    await expect(calls(gone)).rejects.toMatchObject({ ...purged, field: "to" });
  });

  test("files of calls, and of entries by a name, are whole or refused", async () => {
    const all = async (over: object): Promise<number> => {
      let count = 0;
      for await (const page of allCalls(db, keys, { tenant, ...over })) count += page.length;
      return count;
    };
    await expect(all({})).rejects.toMatchObject({ ...purged, field: "from" });
    expect(await all({ fromMs: AUGUST })).toBe(2);
    expect(await all({ filter: { environment: ["labs"] } })).toBe(1);
    const entries = async (over: object): Promise<number> => {
      let count = 0;
      for await (const page of readEntries(db, keys, { tenant, from: 1n, to: 1000n, ...over })) count += page.length;
      return count;
    };
    await expect(entries({ filter: { model: ["gpt-4o-mini"] } })).rejects.toMatchObject({ ...purged, field: "since" });
    expect(await entries({ filter: { model: ["gpt-4o-mini"] }, fromMs: AUGUST })).toBe(2);
    expect(await entries({ types: ["call_settled"] })).toBe(7);
  });

  test("one call; its entry is still found, for the receipt", async () => {
    await expect(callByDecision(db, tenant, sampleDecision(3))).rejects.toMatchObject({ ...purged, field: null });
    expect((await findCall(db, tenant, sampleDecision(3)))?.body).toBeInstanceOf(Buffer);
    expect((await callByDecision(db, tenant, sampleDecision(7)))?.call.model).toBe("gpt-4o-mini");
  });

  test("a rehearsal, and what it begins from", async () => {
    const rehearsed = (fromMs: number): Promise<unknown> =>
      recordedEntries(db, { ...PROD, fromMs, toMs: Infinity }).next();
    await expect(rehearsed(JULY)).rejects.toMatchObject(purged);
    const rolling = { ...PROD, kind: "session", toMs: AUGUST + DAY, byQuarter: true } as const;
    await expect(spendByValue(db, { ...rolling, fromMs: AUGUST - DAY })).rejects.toMatchObject(purged);
    expect(await spendByValue(db, { ...rolling, fromMs: AUGUST })).toHaveLength(1);
  });

  test("a limit for ever begins with everything; a window that begins inside a purged hour is refused", async () => {
    const spent = (scope: string, fromMs: number): Promise<{ usd: bigint }> =>
      spendOfScope(db, keys, { ...PROD, scope, fromMs, toMs: Infinity });
    expect((await spent("session:run-3", 0)).usd).toBe(564n);
    expect((await spent("user:user-1", 0)).usd).toBe(2n * 564n);
    expect((await spent("org", JULY + 1)).usd).toBe(4n * 564n);
    await expect(spent("session:run-3", JULY + 1)).rejects.toBeInstanceOf(DetailsPurged);
  });

  test("what becomes new: a call that came late is left out, and that there was more is said", async () => {
    const { calls: told, more } = await newEntries(db, tenant, 0n, 1000n);
    expect(told.every(({ time, environment }) => environment === "labs" || time >= AT_AUGUST)).toBe(true);
    expect(more).toBe(true);
  });
});

test("what comes late, of a month purged before, has its details until the next month goes, and verifies before and after", async () => {
  await write(callAt(20, JUNE + 2 * DAY));
  expect(await detailsOf(20)).toMatchObject({ model: "gpt-4o-mini" });
  expect(await verify()).toMatchObject({ result: "PASS" });
  const cleared = `SET ${[...DETAILS].map((column) => `${column} = NULL`).join(", ")}`;
  const early = await tampered(`UPDATE ledger_entries ${cleared} WHERE entry_id = $1`, [sampleDecision(20)], verify);
  expect(early).toMatchObject({ result: "FAIL" });
  await purge();
  expect(await detailsOf(20)).toMatchObject({ model: "gpt-4o-mini" });
  await purge(Date.UTC(2026, 8, 1));
  expect(await detailsOf(20)).toMatchObject({ model: null, session: null });
  expect(await detailsOf(8)).toMatchObject({ model: null });
  expect(await verify()).toMatchObject({ result: "PASS" });
});

test("an export says everything as before, and an import purges what its chain says was purged", async () => {
  const { entries } = await verify();
  const lines: string[] = [];
  for await (const part of exportEntries(db, { tenant, from: 1n, to: entries })) lines.push(part);
  const fresh = await testDatabase();
  try {
    const each = async function* (): AsyncGenerator<string> {
      yield* lines.join("").trimEnd().split("\n");
    };
    await fresh.db.query("UPDATE installation SET value = $1 WHERE name = 'deployment_id'", ["f".repeat(32)]);
    await importEntries({ db: fresh.db, keys, signer, lines: each() });
    const asked = { tenant, from: 1n, to: "latest", keys, signer } as const;
    expect(await verifyLedger(fresh.db, asked)).toMatchObject({ result: "PASS", entries });
    const purgedRows = "SELECT sequence FROM ledger_entries WHERE type IN (2, 3) AND model IS NULL ORDER BY 1";
    expect((await fresh.db.query(purgedRows)).rows).toEqual((await database.db.query(purgedRows)).rows);
    expect(await loadPurge(fresh.db, PROD)).toMatchObject({ beforeUs: us(Date.UTC(2026, 8, 1)) });
  } finally {
    await fresh.drop();
  }
});
