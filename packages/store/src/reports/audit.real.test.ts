import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRecorder } from "../ledger/recorder.ts";
import { sampleAdmin, sampleBlocked } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { openSpool } from "../spool/spool.ts";
import { listAudit, type AuditPage, type AuditRequest } from "./audit.ts";
import { callByDecision } from "./calls.ts";

const OTHER = "000000000000000000000000000000ff";
const masterKey = Buffer.alloc(32, 5);
/** The bytes that the field of another subject has, inside a text: tag 66, length 5. */
const DECOY = "\0B\0\0\0\u0005lim_x";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < 7; n++) void spool.append(sampleAdmin(n, { subject: `lim_${n % 2}` }));
  void spool.append(sampleAdmin(20, { subject: "lim_decoy", after: DECOY, before: "no JSON" }));
  void spool.append(sampleAdmin(30, { tenant: OTHER, subject: "lim_0" }));
  void spool.append(sampleBlocked(40));
  void spool.append(sampleBlocked(41, { tenant: OTHER }));
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

function audit(over: Partial<AuditRequest> = {}): Promise<AuditPage> {
  const all = { environment: null, action: null, subject: null, fromMs: null, toMs: null, cursor: null };
  return listAudit(database.db, { tenant: DEFAULT_TENANT, limit: 100, ...all, ...over });
}

test("a tenant sees its own changes and calls, and those of another are not there for it", async () => {
  expect((await audit()).changes).toHaveLength(8);
  expect((await audit({ tenant: OTHER })).changes).toMatchObject([{ subject: "lim_0" }]);
  for (const [n, mine] of [
    [40, DEFAULT_TENANT],
    [41, OTHER],
  ] as const)
    for (const tenant of [DEFAULT_TENANT, OTHER]) {
      const found = await callByDecision(database.db, tenant, `dec_${sampleBlocked(n).decision}`);
      expect(found !== null).toBe(tenant === mine);
    }
});

test("a subject is found by its whole name, and a text that holds the same bytes is not taken for it", async () => {
  expect((await audit({ subject: "lim_1" })).changes).toHaveLength(3);
  expect((await audit({ subject: "lim_x" })).changes).toEqual([]);
});

test("what is no JSON is shown as it was written", async () => {
  expect((await audit({ subject: "lim_decoy" })).changes).toMatchObject([{ before: "no JSON", after: DECOY }]);
});

test("pages follow each other without gap or repeat, over an index of the changes alone", async () => {
  const seen: number[] = [];
  for (let cursor: string | null = null; ;) {
    const page: AuditPage = await audit({ limit: 3, cursor });
    seen.push(...page.changes.map(({ sequence }) => sequence));
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  expect(seen).toHaveLength(8);
  expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => b - a));
  const { rows } = await database.db.query<{ indexdef: string }>(
    "SELECT indexdef FROM pg_indexes WHERE indexname = 'ledger_entries_by_administration'",
  );
  expect(rows[0]?.indexdef).toContain("WHERE (type = ANY (ARRAY[7, 8, 9]))");
});
