import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import type { SpoolRecord } from "../spool/records.ts";
import { makeCheckpoint } from "./checkpoint-maker.ts";
import { checkpointSigner, openWithAny } from "./checkpoint-signer.ts";
import { latestCheckpoint } from "./checkpoint-store.ts";
import { exportEntries } from "./export-entries.ts";
import { importEntries, type Imported } from "./import-entries.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { startRecorder } from "./recorder.ts";
import { sampleAdmin, sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { verifyLedger } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 5);
const keys = new LedgerKeys(masterKey);
const signer = checkpointSigner({ masterKey, seeds: [] });
/** Not the tenant that every database begins with. */
const tenant = "7".repeat(32);

let written: TestDatabase;
let fresh: TestDatabase;
let lines: string[];
beforeAll(async () => {
  written = await testDatabase();
  await written.db.query(`INSERT INTO tenants (id, name) VALUES ('${tenant}', 'acme')`);
  const calls = Array.from({ length: 290 }, (_, n) => callOf(n)).flat();
  await record(written, [...calls, sampleAdmin(900, { tenant }), sampleBlocked(901, { tenant })]);
  await checkpointed(written);
  await record(written, [{ t: "rotation", id: "e".repeat(32), timeMs: Date.now(), tenant, actor: "key_admin" }]);
  await record(written, callOf(902));
  const { size } = await checkpointed(written);
  lines = await exported(size);
  fresh = await testDatabase();
  // Databases of tests are copies of one, and its deployment id is no copy's own.
  await fresh.db.query("UPDATE installation SET value = $1 WHERE name = 'deployment_id'", ["f".repeat(32)]);
});
afterAll(async () => {
  await written.drop();
  await fresh.drop();
});

function callOf(n: number): SpoolRecord[] {
  const environment = n % 5 === 0 ? "labs" : "prod";
  return [sampleIntent(n, { tenant, environment }), sampleOutcome(n, n % 9 === 0 ? { cost: null } : {})];
}

async function record(database: TestDatabase, records: readonly SpoolRecord[]): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const errors: string[] = [];
  const onError = (message: string): unknown => errors.push(message);
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError });
  for (const each of records) void spool.append(each);
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
  expect(errors).toEqual([]);
}

async function checkpointed({ db }: TestDatabase): Promise<{ readonly size: number; readonly note: string }> {
  const made = await makeCheckpoint({ db, signer, tenant, nowMs: Date.now() });
  if (made === null) throw new Error("the chain has not begun");
  return made;
}

async function exported(to: number, from = 1): Promise<string[]> {
  let text = "";
  for await (const part of exportEntries(written.db, { tenant, from: BigInt(from), to: BigInt(to) })) text += part;
  return text.trimEnd().split("\n");
}

function take(from: readonly string[], by: Buffer = masterKey, into = fresh): Promise<Imported> {
  const own = { keys: new LedgerKeys(by), signer: checkpointSigner({ masterKey: by, seeds: [] }) };
  return importEntries({
    db: into.db,
    ...own,
    lines: (async function* () {
      yield* from;
    })(),
  });
}

/** Every row but for its key and when it was made, as text, in order. */
async function rowsOf({ db }: TestDatabase, table: string): Promise<string[]> {
  const { rows } = await db.query<{ row: string }>(
    `SELECT (to_jsonb(t) - 'row_key' - 'made_at')::text AS row FROM ${table} AS t ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}

function originIn([head = ""]: readonly string[]): string {
  return (JSON.parse(head) as { origin: string }).origin;
}

const swapped = (at: number): string[] => lines.with(at, lines[at + 1] as string).with(at + 1, lines[at] as string);
const changed = (at: number, change: (line: Record<string, unknown>) => object): string[] =>
  lines.with(at, JSON.stringify(change(JSON.parse(lines[at] as string) as Record<string, unknown>)));

test.each<[what: string, made: () => readonly string[], problem: RegExp, by?: Buffer]>([
  ["under another master key", () => lines, /^line 2: sequence 1: mac: .*master key/, Buffer.alloc(32, 6)],
  ["that breaks off", () => lines.slice(0, -1), /^the export breaks off/],
  ["of nothing", () => [], /^the export breaks off/],
  ["without its head", () => lines.slice(1), /^line 1: expected the first line/],
  ["with an entry missing", () => lines.toSpliced(5, 1), /^line 6: sequence 5: gap/],
  ["with two entries in each other's place", () => swapped(5), /^line 6: sequence 5/],
  ["with a changed MAC", () => changed(6, (line) => ({ ...line, mac: "00".repeat(32) })), /^line 7: sequence 6: mac/],
  ["with fewer entries than it says", () => changed(lines.length - 1, () => ({ end: true, entries: 3 })), /as many/],
  ["with a checkpoint at another place", () => swapped(lines.length - 3), /are not those of the checkpoint/],
  ["twice", () => [...lines, ...lines], /does not go on where the one before it ended/],
  ["with an entry behind it", () => [...lines, lines[5] as string], /expected nothing behind the last line/],
  ["of a later part", () => changed(0, (head) => ({ ...head, from: 2, edge: ["00".repeat(32)] })), /from sequence 1/],
  ["of another origin", () => changed(0, (head) => ({ ...head, origin: "tollhouse/other" })), /^line 1: origin/],
])("an export %s is refused by its line, and nothing of it is there", async (_, made, problem, by) => {
  await expect(take(made(), by)).rejects.toMatchObject({
    name: "ImportRefused",
    message: expect.stringMatching(problem) as string,
  });
  for (const table of ["ledger_entries", "usage_hourly", "ledger_checkpoints"])
    expect(await rowsOf(fresh, table)).toEqual([]);
  expect(await rowsOf(fresh, "tenants")).toHaveLength(1);
});

test("an installation that has recorded anything takes in no ledger of another", async () => {
  const { tenant: own, deployment } = JSON.parse(lines[0] as string) as { tenant: string; deployment: string };
  const head = (lines[0] as string).replaceAll(deployment, "0".repeat(32)).replaceAll(own, "8".repeat(32));
  await expect(take([head], masterKey, written)).rejects.toThrow(/has a ledger already/);
});

test("a part that does not go on where the one before it ended is refused", async () => {
  for (const from of [99, 102]) {
    const parts = [...(await exported(100)), ...(await exported(200, from))];
    await expect(take(parts)).rejects.toThrow(/does not go on where/);
  }
});

test("the chain is there as it was, with everything that is derived from it, and goes on", async () => {
  const pinned = await latestCheckpoint(written.db, tenant);
  // As an export that broke off and was resumed: part behind part.
  const parts = [...(await exported(100)), ...(await exported(pinned?.size ?? 0, 101))];
  expect(await take(parts)).toMatchObject({ tenant, entries: pinned?.size, checkpoints: 2 });
  const tables = ["ledger_entries", "ledger_checkpoints", "ledger_subtrees", "counter_sums", "usage_hourly"];
  for (const table of [...tables, "usage_by_workload", "usage_of_sessions", "usage_by_user_monthly"]) {
    const rows = await rowsOf(written, table);
    expect(rows.length, table).toBeGreaterThan(0);
    expect(await rowsOf(fresh, table), table).toEqual(rows);
  }
  await record(fresh, callOf(1000));
  await checkpointed(fresh);
  const { db } = fresh;
  const pin = openWithAny(pinned?.note ?? "", signer.keys({ tenant, origin: originIn(lines) }));
  expect(await verifyLedger(db, { tenant, from: 1n, to: "latest", keys, signer, pin })).toMatchObject({
    result: "PASS",
    tail: "PROVEN",
    entries: BigInt(pin.size) + 1n,
    checkpoints: 3,
  });
  const { rows } = await db.query("SELECT name FROM environments WHERE tenant = $1 ORDER BY 1", [tenant]);
  expect(rows).toEqual([{ name: "labs" }, { name: "prod" }]);
  await expect(take(lines)).rejects.toThrow(/has a ledger already/);
});
