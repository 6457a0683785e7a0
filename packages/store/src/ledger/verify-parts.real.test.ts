import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { originOf, parseCheckpointText, parseNote } from "@tollhouse/ledger";
import type { Checkpoint } from "@tollhouse/ledger";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSpool } from "../spool/spool.ts";
import { makeCheckpoint } from "./checkpoint-maker.ts";
import { checkpointSigner } from "./checkpoint-signer.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { startRecorder } from "./recorder.ts";
import { sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";
import { verifyAside } from "./verify-aside.ts";
import type { WalkOptions } from "./verify-aside.ts";
import { verifyInParts } from "./verify-parts.ts";
import type { WalkedRange } from "./verify-parts.ts";
import { verifyLedger } from "./verify-store.ts";
import type { VerifyRequest, VerifyResult } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 9);
const signer = checkpointSigner({ masterKey, seeds: [] });
const whole = { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys: new LedgerKeys(masterKey), signer } as const;
let database: TestDatabase;
/** Of 150, 300, 450 and 600 entries; 650 there are. */
const checkpoints: Checkpoint[] = [];

beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  // The first call makes the genesis as well.
  for (let n = 0, end = 149; n < 649; end += 150) {
    for (; n < Math.min(end, 649); n++) {
      void spool.append(sampleIntent(n));
      void spool.append(sampleOutcome(n));
    }
    await recorder.drained();
    if (n === end) checkpoints.push(await checkpoint());
  }
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true });
  for (const table of TABLES) await database.db.query(`CREATE TABLE genuine_${table} AS SELECT * FROM ${table}`);
}, 300_000);
afterAll(() => database.drop());

const TABLES = ["ledger_entries", "ledger_checkpoints", "ledger_subtrees"];

async function checkpoint(): Promise<Checkpoint> {
  const made = await makeCheckpoint({ db: database.db, signer, tenant: DEFAULT_TENANT, nowMs: Date.now() });
  return parseCheckpointText(parseNote(made?.note ?? "").text);
}

/** An administrator with every right: triggers off, the rows as they were. */
beforeEach(async () => {
  for (const table of TABLES) {
    await database.db.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    await database.db.query(`DELETE FROM ${table}`);
    await database.db.query(`INSERT INTO ${table} SELECT * FROM genuine_${table}`);
  }
});

/** In parts of 50 entries or more; also says which ranges were walked. */
async function inParts(
  partsMax: number,
  request: Partial<VerifyRequest> = {},
): Promise<{ readonly found: VerifyResult; readonly ranges: string[]; readonly walked: number[] }> {
  const asked: VerifyRequest = { ...whole, ...request };
  const ranges: string[] = [];
  const walked: number[] = [];
  const walk = ({ from, to, snapshot }: WalkedRange, { walked: told }: WalkOptions): Promise<VerifyResult> => {
    ranges.push(`${from}–${to}`);
    return verifyLedger(database.db, { ...asked, from, to, ...(told && { walked: told }) }, snapshot);
  };
  const found = await verifyInParts(
    database.db,
    asked,
    { partsMax, entriesMin: 50, walk },
    { walked: (entries, of) => walked.push(entries, of) },
  );
  return { found, ranges, walked };
}

test("parts meet at checkpoints, and say together what one walk says", async () => {
  const one = await verifyLedger(database.db, whole);
  expect(one).toMatchObject({ result: "PASS", entries: 650n, checkpoints: 4 });
  const four = await inParts(4);
  expect(four).toMatchObject({ found: one, ranges: ["1–150", "150–300", "300–450", "450–latest"] });
  expect(four.walked.at(-1)).toBe(653);
  expect(Math.max(...four.walked)).toBe(653);
  // More than there are places to part it at.
  expect((await inParts(12)).ranges).toEqual(four.ranges);
  const part = { from: 125n, to: 500n };
  const three = await inParts(3, part);
  expect(three).toMatchObject({ found: await verifyLedger(database.db, { ...whole, ...part }) });
  expect(three.ranges).toEqual(["125–150", "150–300", "300–500"]);
});

test("a short chain, one without a checkpoint, and one that is walked by one, are walked whole", async () => {
  expect((await inParts(4, { to: 75n })).ranges).toEqual(["1–75"]);
  expect((await inParts(1)).ranges).toEqual(["1–latest"]);
  await database.db.query("DELETE FROM ledger_checkpoints");
  expect(await inParts(4)).toMatchObject({ ranges: ["1–latest"], found: { result: "PASS", checkpoints: 0 } });
});

test("a checkpoint that was kept is found in whichever part it lies, and a cut behind it in the last", async () => {
  for (const pin of checkpoints)
    expect((await inParts(4, { pin })).found).toMatchObject({
      tail: "PROVEN",
      provenTo: BigInt(pin.size),
      checkpoints: 4,
    });
  const [pin] = checkpoints.slice(-1);
  await database.db.query("DELETE FROM ledger_entries WHERE sequence > 550");
  await database.db.query("DELETE FROM ledger_checkpoints WHERE size > 550");
  expect((await inParts(4, { ...(pin && { pin }) })).found).toMatchObject({ result: "FAIL", firstBadSequence: 551n });
});

const SWAPPED = "UPDATE ledger_entries AS e SET";
test.each([
  ["an amount in the middle of a part", "UPDATE ledger_entries SET amount_nano = 1 WHERE sequence = 225"],
  ["an entry at which two parts meet", "UPDATE ledger_entries SET amount_nano = 1 WHERE sequence = 300"],
  ["a hash at which two parts meet", `${SWAPPED} entry_hash = mac WHERE sequence = 300`],
  ["a hash before the entry at which two parts meet", `${SWAPPED} entry_hash = mac WHERE sequence = 299`],
  ["a MAC behind the entry at which two parts meet", `${SWAPPED} mac = entry_hash WHERE sequence = 451`],
  ["an entry that is gone where two parts meet", "DELETE FROM ledger_entries WHERE sequence = 150"],
  ["two entries that are gone, of two parts", "DELETE FROM ledger_entries WHERE sequence IN (225, 525)"],
  ["a root at which two parts meet", "UPDATE ledger_checkpoints SET root = sha256(root) WHERE size = 300"],
  [
    "a checkpoint in place of another",
    "UPDATE ledger_checkpoints SET note = (SELECT note FROM ledger_checkpoints WHERE size = 150) WHERE size = 450",
  ],
])("%s: what parts find is what one walk finds", async (_, change) => {
  await database.db.query(change);
  const one = await verifyLedger(database.db, whole);
  expect(one.result).toBe("FAIL");
  expect((await inParts(4)).found).toEqual(one);
});

test("a stored subtree that was changed is no fault of the chain: the whole is walked, and passes", async () => {
  await database.db.query("UPDATE ledger_subtrees SET hash = sha256(hash)");
  const { found, ranges } = await inParts(4);
  expect(found).toEqual(await verifyLedger(database.db, whole));
  expect(found.result).toBe("PASS");
  expect(ranges.at(-1)).toBe("1–latest");
});

test("all parts look at one moment: what is changed while they walk is in none of them", async () => {
  let changed: Promise<unknown> | null = null;
  const walk = async (range: WalkedRange): Promise<VerifyResult> => {
    changed ??= database.db.query("DELETE FROM ledger_entries WHERE sequence > 250");
    await changed;
    return verifyLedger(database.db, { ...whole, ...range }, range.snapshot);
  };
  const means = { partsMax: 4, entriesMin: 50, walk };
  expect(await verifyInParts(database.db, whole, means)).toMatchObject({ result: "PASS", entries: 650n });
});

test("threads of their own walk the parts, each on its own connection", async () => {
  const { tenant, from, to } = whole;
  const noteKeys = signer.keys({ tenant, origin: originOf(await loadDeploymentId(database.db), tenant) });
  const thread = { databaseUrl: database.url, role: "tollhouse_installation", masterKey, tenant, noteKeys };
  const means = {
    partsMax: 2,
    entriesMin: 50,
    walk: (range: WalkedRange, options: WalkOptions) => verifyAside({ ...thread, ...range }, options),
  };
  expect(await verifyInParts(database.db, { tenant, from, to }, means)).toEqual(await verifyLedger(database.db, whole));
});

test("what keeps one part from looking ends the others, and is told", async () => {
  let ended = 0;
  const walk = ({ from }: WalkedRange, { signal }: { readonly signal?: AbortSignal }): Promise<VerifyResult> =>
    from === 300n
      ? Promise.reject(new Error("the database is away"))
      : new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new Error(`ended ${++ended}`)), { once: true });
        });
  await expect(verifyInParts(database.db, whole, { partsMax: 4, entriesMin: 50, walk })).rejects.toThrow("away");
  expect(ended).toBe(3);
});
