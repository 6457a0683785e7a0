import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompactTree, openCheckpoint, originOf, verifyConsistency, verifyInclusion, leafHash } from "@tollhouse/ledger";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import { LedgerInconsistent, makeCheckpoint } from "./checkpoint-maker.ts";
import { checkpointSigner, openWithAny, verifyEd25519, type CheckpointSigner } from "./checkpoint-signer.ts";
import { pageOfCheckpoints, type StoredCheckpoint } from "./checkpoint-store.ts";
import { sha256 } from "./ledger-keys.ts";
import { proveConsistency, proveEntry } from "./merkle-proofs.ts";
import { TreeIncomplete } from "./merkle-reader.ts";
import { startRecorder } from "./recorder.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";

const masterKey = Buffer.alloc(32, 9);
const signer = checkpointSigner({ masterKey, seeds: [] });
const tenant = DEFAULT_TENANT;
const NOVEMBER = Date.UTC(2026, 10, 21, 6, 30);
let database: TestDatabase;
let calls = 0;

beforeEach(async () => {
  database = await testDatabase();
  calls = 0;
});
afterEach(() => database.drop());

/** Calls through spool and recorder, as the server writes them. The first one brings the genesis entry with it. */
async function record(count: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = calls; n < calls + count; n++) {
    void spool.append(sampleIntent(n));
    void spool.append(sampleOutcome(n));
  }
  calls += count;
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true });
}

async function make(nowMs = NOVEMBER, by: CheckpointSigner = signer): Promise<StoredCheckpoint> {
  const made = await makeCheckpoint({ db: database.db, signer: by, tenant, nowMs });
  if (made === null) throw new Error("the chain has not begun");
  return made;
}

async function entryHashes(): Promise<Buffer[]> {
  const { rows } = await database.db.query<{ entry_hash: Buffer }>(
    "SELECT entry_hash FROM ledger_entries ORDER BY sequence",
  );
  return rows.map((row) => row.entry_hash);
}

/** As somebody with every right and no key. */
async function tamper(statement: string): Promise<void> {
  const table = /ledger_\w+/.exec(statement)?.[0];
  await database.db.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await database.db.query(statement);
}

test("a chain that has not begun has no checkpoint", async () => {
  expect(await makeCheckpoint({ db: database.db, signer, tenant, nowMs: NOVEMBER })).toBeNull();
});

test("checkpoints made as a chain grows are signed, and each root is that of the whole tree", async () => {
  const origin = originOf(await loadDeploymentId(database.db), tenant);
  const sizes: number[] = [];
  for (const count of [1, 3, 251, 1, 1, 300, 2100]) {
    await record(count);
    const made = await make();
    sizes.push(made.size);
    const tree = new CompactTree(sha256);
    for (const hash of (await entryHashes()).slice(0, made.size)) tree.push(hash);
    const [key] = signer.keys({ tenant, origin });
    const opened = openCheckpoint({ sha256, verify: verifyEd25519 }, made.note, key);
    expect(opened).toEqual({ origin, size: made.size, root: new Uint8Array(tree.root()) });
    expect(Buffer.compare(made.root, tree.root())).toBe(0);
  }
  expect(sizes).toEqual([2, 5, 256, 257, 258, 558, 2658]);
  expect((await make()).size).toBe(2658);
  const { rows } = await database.db.query("SELECT level, index FROM ledger_subtrees ORDER BY level, index");
  expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => ({ level: 8, index: BigInt(i) })));
});

test("every entry is proven under every checkpoint that covers it, and every checkpoint under every later one", async () => {
  for (const count of [6, 250, 44, 420]) {
    await record(count);
    await make();
  }
  const checkpoints = (await pageOfCheckpoints(database.db, tenant, 10)).toReversed();
  expect(checkpoints.map(({ size }) => size)).toEqual([7, 257, 301, 721]);
  const hashes = await entryHashes();
  for (const head of checkpoints) {
    for (const sequence of [1, 2, 7, 255, 256, 257, 258, 300, 301, 512, 513, 720, 721].filter(
      (at) => at <= head.size,
    )) {
      const proof = await proveEntry(database.db, tenant, BigInt(sequence), head);
      const leaf = leafHash(sha256, hashes[sequence - 1] as Buffer);
      const claim = { leaf, index: sequence - 1, size: head.size, root: head.root, proof: proof.hashes };
      expect(verifyInclusion(sha256, claim)).toBe(true);
      expect(proof.previousHash).toEqual(hashes[sequence - 2] ?? null);
    }
    for (const earlier of checkpoints.filter(({ size }) => size <= head.size)) {
      const { fromRoot, hashes: proof } = await proveConsistency(database.db, tenant, earlier.size, head);
      expect(fromRoot).toEqual(earlier.root);
      const claim = { from: earlier.size, to: head.size, fromRoot: earlier.root, toRoot: head.root, proof };
      expect(verifyConsistency(sha256, claim)).toBe(true);
    }
  }
});

test.each([
  ["an entry that it covers was changed", "UPDATE ledger_entries SET entry_hash = sha256(body) WHERE sequence = 290"],
  ["an entry that it covers is missing", "DELETE FROM ledger_entries WHERE sequence = 290"],
  ["the chain was cut behind it", "DELETE FROM ledger_entries WHERE sequence > 290"],
  ["its note was changed", "UPDATE ledger_checkpoints SET note = replace(note, '301', '300')"],
  ["a stored subtree was changed", "UPDATE ledger_subtrees SET hash = sha256(hash)"],
  ["a stored subtree is missing", "DELETE FROM ledger_subtrees"],
])("nothing is signed after the last checkpoint where %s", async (_, statement) => {
  await record(300);
  await make();
  await tamper(statement);
  await record(1);
  await expect(make()).rejects.toSatisfy(
    (error: unknown) => error instanceof LedgerInconsistent || error instanceof TreeIncomplete,
  );
  expect(await pageOfCheckpoints(database.db, tenant, 10)).toHaveLength(1);
});

test("a proof over changed entries is not handed out", async () => {
  await record(300);
  const head = await make();
  await tamper("UPDATE ledger_entries SET entry_hash = sha256(body) WHERE sequence = 7");
  await expect(proveEntry(database.db, tenant, 7n, head)).rejects.toThrow(/not the one/);
  await expect(proveEntry(database.db, tenant, 8n, head)).rejects.toThrow(/not the one/);
  await expect(proveConsistency(database.db, tenant, 8, head)).rejects.toThrow(/not those/);
});

test("the first checkpoint of each UTC month is marked, and no other", async () => {
  const times = [NOVEMBER, NOVEMBER + 60_000, Date.UTC(2026, 11, 1) - 1, Date.UTC(2026, 11, 1), Date.UTC(2026, 11, 2)];
  for (const time of times) {
    await record(1);
    await make(time);
  }
  const stored = await pageOfCheckpoints(database.db, tenant, 10);
  expect(stored.toReversed().map(({ firstOfMonth }) => firstOfMonth)).toEqual([true, false, false, true, false]);
});

test("a checkpoint cannot be changed or deleted, and two made at once are one", async () => {
  await record(5);
  await Promise.all([make(), make(), make()]);
  expect(await pageOfCheckpoints(database.db, tenant, 10)).toHaveLength(1);
  for (const table of ["ledger_checkpoints", "ledger_subtrees", "ledger_cosignatures"])
    for (const statement of [`UPDATE ${table} SET tenant = tenant`, `DELETE FROM ${table}`, `TRUNCATE ${table}`])
      await expect(database.db.query(statement)).rejects.toThrow(/append-only/);
});

test("a key of one's own signs, the derived one still verifies; a signer with another key publishes nothing", async () => {
  await record(5);
  const derived = await make();
  await record(5);
  const own = checkpointSigner({ masterKey, seeds: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] });
  const made = await make(NOVEMBER, own);
  const chain = { tenant, origin: originOf(await loadDeploymentId(database.db), tenant) };
  expect(own.keys(chain)).toHaveLength(3);
  for (const { note } of [derived, made]) expect(openWithAny(note, own.keys(chain)).origin).toBe(chain.origin);
  expect(() => openWithAny(made.note, signer.keys(chain))).toThrow(/did not sign/);
  await record(5);
  const liar = { ...own, sign: signer.sign.bind(signer) };
  await expect(make(NOVEMBER, liar)).rejects.toThrow(/not good/);
});
