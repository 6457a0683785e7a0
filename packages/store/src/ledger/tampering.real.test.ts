import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { PROJECTION } from "./projection.ts";
import { startRecorder } from "./recorder.ts";
import { sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";
import type { VerifyResult } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 9);
let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < 20; n++) {
    void spool.append(sampleIntent(n));
    void spool.append(sampleOutcome(n));
  }
  void spool.append(sampleBlocked(50));
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true });
  await database.db.query("CREATE TABLE genuine AS SELECT * FROM ledger_entries");
});
afterAll(() => database.drop());

/** An administrator with every right: the trigger off, the rows as they were. */
beforeEach(async () => {
  await database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  await database.db.query("DELETE FROM ledger_entries");
  await database.db.query("INSERT INTO ledger_entries SELECT * FROM genuine");
});

function verify(keys: LedgerKeys | null = new LedgerKeys(masterKey), from = 1n): Promise<VerifyResult> {
  return verifyLedger(database.db, { tenant: DEFAULT_TENANT, from, to: "latest", keys });
}

test("an untouched ledger passes, whole or from any place, and says that the tail is not proven", async () => {
  expect(await verify()).toMatchObject({ result: "PASS", entries: 22n, tail: "NOT PROVEN" });
  expect(await verify(null, 10n)).toMatchObject({ result: "PASS", entries: 13n });
});

test.each([
  ["a changed amount", "UPDATE ledger_entries SET amount_nano = 1 WHERE sequence = 7", 7n],
  ["a changed body byte", "UPDATE ledger_entries SET body = set_byte(body, 70, 1) WHERE sequence = 7", 7n],
  ["a changed hash", "UPDATE ledger_entries SET entry_hash = set_byte(entry_hash, 0, 255) WHERE sequence = 7", 7n],
  ["a changed MAC", "UPDATE ledger_entries SET mac = set_byte(mac, 3, get_byte(mac, 3) # 1) WHERE sequence = 7", 7n],
  ["a deleted entry", "DELETE FROM ledger_entries WHERE sequence = 7", 7n],
  ["a deleted genesis", "DELETE FROM ledger_entries WHERE sequence = 1", 1n],
  ["a renumbered entry", "UPDATE ledger_entries SET sequence = 99 WHERE sequence = 7", 7n],
])("%s is found, and its sequence named", async (_, statement, sequence) => {
  await database.db.query(statement);
  expect(await verify()).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
});

test("every projection column is compared: none can be made to lie to a report", async () => {
  for (const [column] of PROJECTION) {
    const { rowCount } = await database.db.query(
      `UPDATE ledger_entries SET ${column} = ${otherValue(column)} WHERE sequence = 7`,
    );
    expect(rowCount).toBe(1);
    const result = await verify();
    expect(result, column).toMatchObject({ result: "FAIL", firstBadSequence: 7n });
    expect(result.problem, column).toContain(column);
    await database.db.query("DELETE FROM ledger_entries");
    await database.db.query("INSERT INTO ledger_entries SELECT * FROM genuine");
  }
});

test("an entry under another master key fails at the first entry", async () => {
  expect(await verify(new LedgerKeys(Buffer.alloc(32, 1)))).toMatchObject({ result: "FAIL", firstBadSequence: 1n });
});

test("a range that should reach further than the chain fails, and an end that was asked for is checked", async () => {
  const ask = { tenant: DEFAULT_TENANT, from: 1n, keys: null };
  expect(await verifyLedger(database.db, { ...ask, to: 22n })).toMatchObject({ result: "PASS" });
  expect(await verifyLedger(database.db, { ...ask, to: 23n })).toMatchObject({ result: "FAIL", firstBadSequence: 23n });
});

test("the trigger refuses every change, and the application's role has no right to one", async () => {
  await database.db.query("ALTER TABLE ledger_entries ENABLE TRIGGER ALL");
  for (const statement of [
    "UPDATE ledger_entries SET flags = 0",
    "DELETE FROM ledger_entries",
    "TRUNCATE ledger_entries",
  ])
    await expect(database.db.query(statement)).rejects.toThrow(/append-only/);
  await database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  for (const statement of [
    "UPDATE ledger_entries SET flags = 0",
    "DELETE FROM ledger_entries",
    "TRUNCATE ledger_entries",
  ])
    await expect(
      database.db.transaction(async (tx) => {
        await tx.query("SET LOCAL ROLE tollhouse_app");
        await tx.query(statement);
      }),
    ).rejects.toThrow(/permission denied/);
});

function otherValue(column: string): string {
  if (column === "entry_id" || column === "ref_id") return "gen_random_uuid()";
  if (column === "user_pseudonym") return "'\\x00'";
  const numbers = [
    "type",
    "flags",
    "time_us",
    "amount_nano",
    "usage_source",
    "status",
    "input_tokens",
    "output_tokens",
  ];
  if ([...numbers, "blocked_calls"].includes(column)) return "4711";
  return "'other'";
}
