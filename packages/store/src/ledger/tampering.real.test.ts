import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryHash, genesisHash, growingTree, parseCheckpointText, parseNote } from "@tollhouse/ledger";
import type { Checkpoint } from "@tollhouse/ledger";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import { makeCheckpoint } from "./checkpoint-maker.ts";
import { checkpointSigner } from "./checkpoint-signer.ts";
import { LedgerKeys, sha256 } from "./ledger-keys.ts";
import { PROJECTION } from "./projection.ts";
import { startRecorder } from "./recorder.ts";
import { sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { DEFAULT_TENANT, idBytes } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";
import type { VerifyResult } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 9);
const signer = checkpointSigner({ masterKey, seeds: [] });
const OTHER_TENANT = "00000000000000000000000000000002";
/** Columns that the samples fill. */
const TEXTS = ["environment", "provider", "model", "endpoint", "key", "session", "agent", "feature"];
let database: TestDatabase;
/** What somebody outside kept: of the 12 first entries, and of all 22. */
let pins: { readonly early: Checkpoint; readonly whole: Checkpoint };

beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  const recorded = async (from: number, to: number): Promise<Checkpoint> => {
    for (let n = from; n < to; n++) {
      void spool.append(sampleIntent(n));
      void spool.append(sampleOutcome(n));
    }
    await recorder.drained();
    const made = await makeCheckpoint({ db: database.db, signer, tenant: DEFAULT_TENANT, nowMs: Date.now() });
    return parseCheckpointText(parseNote(made?.note ?? "").text);
  };
  const early = await recorded(0, 11);
  void spool.append(sampleBlocked(50));
  pins = { early, whole: await recorded(11, 20) };
  for (let n = 100; n < 120; n++) {
    void spool.append(sampleIntent(n, { tenant: OTHER_TENANT }));
    void spool.append(sampleOutcome(n));
  }
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true });
  await database.db.query("CREATE TABLE staged (LIKE ledger_entries)");
  await database.db.query("CREATE TABLE genuine AS SELECT * FROM ledger_entries");
  await database.db.query("CREATE TABLE genuine_checkpoints AS SELECT * FROM ledger_checkpoints");
});
afterAll(() => database.drop());

/** An administrator with every right: the trigger off, the rows as they were. */
beforeEach(async () => {
  await database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  await restore();
  await database.db.query("ALTER TABLE ledger_checkpoints DISABLE TRIGGER ALL");
  await database.db.query("DELETE FROM ledger_checkpoints");
  await database.db.query("INSERT INTO ledger_checkpoints SELECT * FROM genuine_checkpoints");
});

async function restore(): Promise<void> {
  await database.db.query("DELETE FROM ledger_entries");
  await database.db.query("INSERT INTO ledger_entries SELECT * FROM genuine");
}

const KEYS = new LedgerKeys(masterKey);

function verify(
  keys: LedgerKeys | null = KEYS,
  from = 1n,
  more: Partial<Parameters<typeof verifyLedger>[1]> = { signer },
): Promise<VerifyResult> {
  return verifyLedger(database.db, { tenant: DEFAULT_TENANT, from, to: "latest", keys, ...more });
}

/** At the entry whose column was changed. */
async function expectLying(column: string): Promise<void> {
  const result = await verify();
  expect(result, column).toMatchObject({ result: "FAIL", firstBadSequence: 7n });
  expect(result.problem, column).toContain(column);
}

/** The chain as somebody without its keys would make it anew: every hash follows, no MAC can. */
async function rebuild(change: (body: Buffer, sequence: bigint) => Buffer): Promise<void> {
  const { rows } = await database.db.query<{ sequence: bigint; body: Buffer }>(
    "SELECT sequence, body FROM ledger_entries WHERE tenant = $1 ORDER BY sequence",
    [DEFAULT_TENANT],
  );
  let previous = genesisHash(sha256, await loadDeploymentId(database.db), idBytes("tenant", DEFAULT_TENANT));
  for (const row of rows) {
    const body = change(row.body, row.sequence);
    previous = entryHash(sha256, previous, body);
    await database.db.query(
      "UPDATE ledger_entries SET body = $3, entry_hash = $4, amount_nano = $5 WHERE tenant = $1 AND sequence = $2",
      [DEFAULT_TENANT, row.sequence, body, previous, body.readBigInt64BE(68)],
    );
  }
}

const cheaper = (body: Buffer, sequence: bigint): Buffer => {
  const changed = Buffer.from(body);
  if (sequence === 7n) changed.writeBigInt64BE(1n, 68);
  return changed;
};

test("an untouched ledger passes, whole or from any place, and says that the tail is not proven", async () => {
  expect(await verify()).toMatchObject({ result: "PASS", entries: 22n, tail: "NOT PROVEN" });
  expect(await verify()).toMatchObject({ checkpoints: 2, provenTo: null });
  expect(await verify(null, 10n)).toMatchObject({ result: "PASS", entries: 13n, checkpoints: 2 });
  for (const from of [2n, 12n, 13n, 14n, 22n]) expect(await verify(KEYS, from)).toMatchObject({ result: "PASS" });
});

test.each([
  ["a changed amount", "UPDATE ledger_entries SET amount_nano = 1 WHERE sequence = 7", 7n],
  ["a changed body byte", "UPDATE ledger_entries SET body = set_byte(body, 70, 1) WHERE sequence = 7", 7n],
  [
    "a changed hash",
    "UPDATE ledger_entries SET entry_hash = set_byte(entry_hash, 0, get_byte(entry_hash, 0) # 1) WHERE sequence = 7",
    7n,
  ],
  ["a changed MAC", "UPDATE ledger_entries SET mac = set_byte(mac, 3, get_byte(mac, 3) # 1) WHERE sequence = 7", 7n],
  ["a deleted entry", "DELETE FROM ledger_entries WHERE sequence = 7", 7n],
  ["a deleted genesis", "DELETE FROM ledger_entries WHERE sequence = 1", 1n],
  ["a renumbered entry", "UPDATE ledger_entries SET sequence = 99 WHERE sequence = 7", 7n],
  ["an entry of another tenant in its place", swapTenants(7), 7n],
  ["two entries in each other's place", swapSequences(7, 8), 7n],
])("%s is found, and its sequence named", async (_, statement, sequence) => {
  await database.db.query(statement);
  expect(await verify()).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
});

test("every projection column is compared: none can be made to lie to a report", async () => {
  for (const [column] of PROJECTION) {
    const { rowCount } = await database.db.query(
      `UPDATE ledger_entries SET ${column} = ${otherValue(column)} WHERE tenant = '${DEFAULT_TENANT}' AND sequence = 7`,
    );
    expect(rowCount).toBe(1);
    await expectLying(column);
    await restore();
  }
});

test("every letter of a projected text is compared", async () => {
  const { rows } = await database.db.query<Record<string, string | null>>(
    `SELECT ${TEXTS.join()} FROM ledger_entries WHERE tenant = '${DEFAULT_TENANT}' AND sequence = 7`,
  );
  const letters = TEXTS.flatMap((column) => Array.from(rows[0]?.[column] ?? "", (_, i) => ({ column, i })));
  expect(letters.length).toBeGreaterThan(40);
  for (const { column, i } of letters) {
    const lie = `overlay(${column} PLACING '~' FROM ${i + 1})`;
    await database.db.query(`UPDATE ledger_entries SET ${column} = ${lie} WHERE sequence = 7`);
    await expectLying(column);
    await database.db.query(`UPDATE ledger_entries SET ${column} = $1 WHERE sequence = 7`, [rows[0]?.[column]]);
  }
});

test.each([1n, 7n])("a hash or a MAC of another length is found at %i, however short or long", async (sequence) => {
  for (const [hash, mac] of [
    [0, 0],
    [0, 32],
    [31, 32],
    [32, 0],
    [32, 31],
    [32, 33],
    [300, 300],
  ])
    for (const keys of [KEYS, null]) {
      await database.db.query("UPDATE ledger_entries SET entry_hash = $2, mac = $3 WHERE sequence = $1", [
        sequence,
        Buffer.alloc(hash as number, 1),
        Buffer.alloc(mac as number, 1),
      ]);
      expect(await verify(keys), `${hash} ${mac}`).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
      await restore();
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

test("a chain rebuilt without its keys fails at the first MAC, and, without the keys, at its first checkpoint", async () => {
  await rebuild(cheaper);
  expect(await verify(KEYS, 1n, {})).toMatchObject({ result: "FAIL", firstBadSequence: 7n });
  expect(await verify(null, 1n, {})).toMatchObject({ result: "PASS", tail: "NOT PROVEN" });
  const failed = await verify(null);
  expect(failed).toMatchObject({ result: "FAIL", firstBadSequence: 1n });
  expect(failed.problem).toMatch(/entries up to 12 are not those of its checkpoint/);
});

test("a chain rebuilt between two checkpoints fails at the second, and names where the first one ends", async () => {
  await rebuild((body, sequence) => cheaper(body, sequence === 20n ? 7n : 0n));
  expect(await verify(null)).toMatchObject({ result: "FAIL", firstBadSequence: 13n });
});

test("a checkpoint that was written anew for a rebuilt chain fails by its signature, which nobody could make", async () => {
  await rebuild(cheaper);
  const { rows } = await database.db.query<{ entry_hash: Buffer }>(
    "SELECT entry_hash FROM ledger_entries WHERE tenant = $1 ORDER BY sequence LIMIT 12",
    [DEFAULT_TENANT],
  );
  const tree = growingTree(sha256);
  for (const row of rows) tree.push(row.entry_hash);
  const root = Buffer.from(tree.root());
  const { rowCount } = await database.db.query(
    `UPDATE ledger_checkpoints SET root = $1, note = replace(note, encode(root, 'base64'), encode($1, 'base64'))
     WHERE size = 12 AND strpos(note, encode(root, 'base64')) > 0`,
    [root],
  );
  expect(rowCount).toBe(1);
  const failed = await verify(null);
  expect(failed).toMatchObject({ result: "FAIL", firstBadSequence: 1n });
  expect(failed.problem).toMatch(/signature of .* is not good/);
});

test("a rebuilt chain whose checkpoints are gone still fails a pin", async () => {
  await rebuild(cheaper);
  await database.db.query("DELETE FROM ledger_checkpoints");
  expect(await verify(null)).toMatchObject({ result: "PASS", tail: "NOT PROVEN", checkpoints: 0 });
  for (const pin of [pins.early, pins.whole])
    expect(await verify(null, 1n, { signer, pin })).toMatchObject({ result: "FAIL", firstBadSequence: 1n });
});

test("every cut tail fails: by the checkpoint that covers it, by a pin where that one is gone too", async () => {
  for (let last = 21; last >= 0; last--) {
    await database.db.query("DELETE FROM ledger_entries WHERE tenant = $1 AND sequence > $2", [DEFAULT_TENANT, last]);
    const cut = { result: "FAIL", tail: "NOT PROVEN", firstBadSequence: BigInt(last + 1) };
    expect(await verify(), String(last)).toMatchObject(cut);
    expect(await verify(KEYS, 1n, { signer, pin: pins.whole })).toMatchObject(cut);
  }
  await database.db.query("DELETE FROM ledger_checkpoints");
  expect(await verify()).toMatchObject({ result: "PASS", tail: "NOT PROVEN", entries: 0n });
  for (const pin of [pins.early, pins.whole])
    expect(await verify(KEYS, 1n, { signer, pin })).toMatchObject({ result: "FAIL", firstBadSequence: 1n });
});

test("a pin that holds proves the tail up to its size, and no further", async () => {
  expect(await verify(KEYS, 1n, { signer, pin: pins.whole })).toMatchObject({ tail: "PROVEN", provenTo: 22n });
  expect(await verify(KEYS, 1n, { signer, pin: pins.early })).toMatchObject({ tail: "PROVEN", provenTo: 12n });
  expect(await verify(KEYS, 5n, { signer, pin: pins.early })).toMatchObject({ tail: "PROVEN", provenTo: 12n });
});

test.each([
  ["its root", "UPDATE ledger_checkpoints SET root = sha256(root) WHERE size = 12", 1n],
  ["its note", "UPDATE ledger_checkpoints SET note = replace(note, E'\\n12\\n', E'\\n11\\n') WHERE size = 12", 1n],
  [
    "its signature",
    "UPDATE ledger_checkpoints SET note = left(note, -20) || E'AAAAAAAAAAAAAAAAAAA\\n' WHERE size = 22",
    13n,
  ],
  ["its place", "UPDATE ledger_checkpoints SET size = 15 WHERE size = 22", 13n],
])("a checkpoint with %s changed is found", async (_, statement, sequence) => {
  const { rowCount } = await database.db.query(statement);
  expect(rowCount).toBe(1);
  expect(await verify()).toMatchObject({ result: "FAIL", firstBadSequence: sequence });
});

test("a body with a field that is not what its tag says is named, and ends no verification", async () => {
  await rebuild((body, sequence) => (sequence === 7n ? withBrokenText(body) : body));
  const failed = await verify(null, 1n, {});
  expect(failed).toMatchObject({ result: "FAIL", firstBadSequence: 7n });
  expect(failed.problem).toMatch(/format: environment/);
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

/** The first byte of the first field, which is a text. */
function withBrokenText(body: Buffer): Buffer {
  const changed = Buffer.from(body);
  changed[86 + 6] = 0xff;
  return changed;
}

function swapTenants(sequence: number): string {
  return swapped(
    "tenant",
    `sequence = ${sequence}`,
    `WHEN '${DEFAULT_TENANT}' THEN '${OTHER_TENANT}'::uuid ELSE '${DEFAULT_TENANT}'::uuid`,
  );
}

function swapSequences(one: number, other: number): string {
  return swapped(
    "sequence",
    `tenant = '${DEFAULT_TENANT}' AND sequence IN (${one}, ${other})`,
    `WHEN ${one} THEN ${other} ELSE ${one}`,
  );
}

/** In one statement, and without the key that would see two rows in one place for a moment. */
function swapped(column: string, where: string, cases: string): string {
  return `
    WITH taken AS (DELETE FROM ledger_entries WHERE ${where} RETURNING *)
    INSERT INTO staged SELECT * FROM taken;
    UPDATE staged SET ${column} = CASE ${column} ${cases} END;
    INSERT INTO ledger_entries SELECT * FROM staged;
    TRUNCATE staged;`;
}

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
