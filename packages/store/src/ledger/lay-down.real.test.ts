import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSpool, type Spool } from "../spool/spool.ts";
import { startRecorder, type Recorder } from "./recorder.ts";
import { sampleIntent, sampleOutcome } from "./sample-records.ts";

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
beforeEach(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  spool = await openSpool({ dir });
  const masterKey = Buffer.alloc(32, 7);
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => undefined });
});
afterEach(async () => {
  await recorder.stop();
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

interface Stored {
  readonly calls: bigint;
  readonly open: bigint;
  readonly held: bigint;
}

/** Settled calls, open ones, and what these hold. */
async function stored(): Promise<Stored> {
  const { rows } = await database.db.query<Stored>(
    `SELECT (SELECT count(*) FROM ledger_entries WHERE type = 2) AS calls, count(*) AS open,
       coalesce(sum(reserved_usd), 0)::bigint AS held FROM open_calls`,
  );
  return rows[0] as Stored;
}

test("what was appended before the boundary is in the database, open calls of this moment and their extensions too", async () => {
  void spool.append(sampleIntent(1));
  void spool.append(sampleOutcome(1));
  void spool.append(sampleIntent(2));
  void spool.append({ t: "extend", decision: sampleIntent(2).decision, usd: "250", tokens: "10" });
  let told = 0;
  const laid = recorder.layDown(() => told++);
  expect(told).toBe(1);
  await laid;
  expect(await stored()).toEqual({ calls: 1n, open: 1n, held: 1250n });
});

test("what comes after the boundary is recorded when it goes on, and whoever waits for it waits that long", async () => {
  void spool.append(sampleIntent(1));
  await recorder.layDown(() => {
    // Of the same turn, and after the boundary.
    void spool.append(sampleOutcome(1));
    void spool.append(sampleIntent(2));
  });
  let drained = false;
  const later = recorder.drained().then(() => (drained = true));
  // A second boundary lies behind all of it, so it is what the first one held back that is seen here.
  expect(await stored()).toEqual({ calls: 0n, open: 1n, held: 1000n });
  for (let round = 0; round < 20; round++) await new Promise(setImmediate);
  expect([drained, (await stored()).calls]).toEqual([false, 0n]);
  recorder.goOn();
  await later;
  expect((await stored()).calls).toBe(1n);
});

test("a boundary that moves on takes what the one before held back", async () => {
  await recorder.layDown(() => void spool.append(sampleIntent(1)));
  expect((await stored()).open).toBe(0n);
  await recorder.layDown(() => undefined);
  expect((await stored()).open).toBe(1n);
});
