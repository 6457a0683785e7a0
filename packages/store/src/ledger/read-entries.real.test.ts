import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { readEntries, type EntriesWanted, type PageBounds } from "./read-entries.ts";
import { startRecorder } from "./recorder.ts";
import { sampleAdmin, sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";

const masterKey = Buffer.alloc(32, 5);
const keys = new LedgerKeys(masterKey);
const CALLS = 120;
/** Genesis, the calls, one that was blocked, and a change. */
const ENTRIES = BigInt(CALLS + 3);

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => undefined });
  for (let n = 0; n < CALLS; n++) {
    void spool.append(sampleIntent(n, { environment: n % 5 === 0 ? "labs" : "prod" }));
    void spool.append(sampleOutcome(n));
  }
  void spool.append(sampleBlocked(900, {}));
  void spool.append(sampleAdmin(901, {}));
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

async function sequencesOf(wanted: Partial<EntriesWanted> = {}, bounds?: PageBounds): Promise<number[]> {
  const found: number[] = [];
  const asked = { tenant: DEFAULT_TENANT, from: 1n, to: ENTRIES, ...wanted };
  for await (const page of readEntries(database.db, keys, asked, bounds))
    found.push(...page.map(({ entry }) => Number(entry.sequence)));
  return found;
}

const all = Array.from({ length: Number(ENTRIES) }, (_, at) => at + 1);

test.each([
  ["one at a time", { window: 1n, bytes: 1 }],
  ["in pages that end by their bytes", { window: 50n, bytes: 1 }],
  ["in windows that do not fit", { window: 7n, bytes: 100_000 }],
  ["in one page", { window: 1_000n, bytes: 10_000_000 }],
])("each entry is there once, in its order, %s", async (_, bounds) => {
  expect(await sequencesOf({}, bounds)).toEqual(all);
  expect(await sequencesOf({ from: 10n, to: 19n }, bounds)).toEqual(all.slice(9, 19));
});

test("types, times and names leave out what they do not match, however it is read", async () => {
  const whole = { window: 1_000n, bytes: 10_000_000 };
  for (const wanted of [
    { types: ["call_settled"], filter: { environment: ["labs"] } },
    { filter: { session: ["run-3", "run-4"] } },
    { filter: { user: ["user-2"] } },
    { types: ["admin_action", "genesis"] },
    { fromMs: Date.UTC(2026, 10, 21, 6, 30) + 10, toMs: Date.UTC(2026, 10, 21, 6, 30) + 20, types: ["call_settled"] },
  ] as const) {
    const found = await sequencesOf(wanted, whole);
    expect(found.length, JSON.stringify(wanted)).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(all.length);
    expect(await sequencesOf(wanted, { window: 9n, bytes: 900 })).toEqual(found);
  }
  expect(await sequencesOf({ types: ["call_settled"], filter: { environment: ["labs"] } })).toHaveLength(CALLS / 5);
  expect(await sequencesOf({ filter: { user: ["nobody"] } })).toEqual([]);
});
