import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTrusted, originOf, parseVerifierKey, verifierKey, type NoteKey, type Trust } from "@tollhouse/ledger";
import {
  DEFAULT_TENANT,
  latestCheckpoint,
  loadDeploymentId,
  checkpointSigner,
  makeCheckpoint,
  openSpool,
  sha256,
  startRecorder,
  verifyEd25519,
} from "@tollhouse/store";
import { startedWitness, testDatabase, type StartedWitness, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { witnessTarget } from "./witness-target.ts";

const masterKey = Buffer.alloc(32, 9);
const signer = checkpointSigner({ masterKey, seeds: [] });
const tenant = DEFAULT_TENANT;
const START = Date.UTC(2026, 10, 21, 6);

let ledger: StartedLedger;
let witness: StartedWitness;
let failures: string[];
let now: number;
let ledgerKey: NoteKey;

beforeEach(async () => {
  [failures, now] = [[], START];
  [ledger, witness] = await Promise.all([startedLedger(), startedWitness("witness.example/w1")]);
  ledgerKey = signer.keys({ tenant, origin: originOf(await loadDeploymentId(ledger.db), tenant) })[0];
  witness.knows(verifierKey(sha256, ledgerKey));
});
afterEach(async () => {
  await witness.stop();
  await ledger.stop();
});

/** A ledger that grows. `deployment`: whose it says it is. */
interface StartedLedger {
  readonly db: TestDatabase["db"];
  /** So many more entries, and their signed checkpoint. */
  grown(count?: number): Promise<number>;
  stop(): Promise<void>;
}

async function startedLedger(deployment?: string): Promise<StartedLedger> {
  const database = await testDatabase();
  const { db, url } = database;
  if (deployment !== undefined)
    await db.query("UPDATE installation SET value = $1 WHERE name = 'deployment_id'", [deployment]);
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: url, masterKey, onError: () => {} });
  const change = { actor: "key_admin", action: "limit.create", subject: "lim_1", before: null, after: "{}" };
  return {
    db,
    async grown(count = 1) {
      for (let n = 0; n < count; n++) {
        const id = crypto.randomUUID().replaceAll("-", "");
        void spool.append({ t: "admin", id, timeMs: START, tenant, environment: "prod", ...change });
      }
      await recorder.drained();
      const made = await makeCheckpoint({ db, signer, tenant, nowMs: START });
      return made?.size ?? 0;
    },
    async stop() {
      await recorder.stop();
      await spool.close();
      rmSync(dir, { recursive: true, force: true });
      await database.drop();
    },
  };
}

/** One look of a process that has just started. */
async function asked({ db } = ledger): Promise<void> {
  const target = witnessTarget(
    { url: witness.url, key: parseVerifierKey(sha256, witness.word) },
    { dbOf: () => db, now: () => now },
  );
  const publisher = new CheckpointPublisher({
    dbOf: () => db,
    targets: [target],
    tenants: () => [tenant],
    mine: () => true,
    failed: (_target, _tenant, error) => failures.push(`${(error as Error).name}: ${(error as Error).message}`),
    now: () => now,
  });
  await publisher.look();
  await publisher.close();
}

/** Is the newest checkpoint one that this witness signed? */
async function isWitnessed({ db } = ledger): Promise<boolean> {
  const means = { sha256, verify: verifyEd25519, key: ledgerKey };
  const trust: Trust = { ...means, witnesses: [parseVerifierKey(sha256, witness.word)] };
  return openTrusted(trust, (await latestCheckpoint(db, tenant))?.note ?? "").isWitnessed;
}

test("each checkpoint is cosigned once, with a proof that it continues the last; its note has the cosignature from then on", async () => {
  const sizes = [await ledger.grown(1)];
  await asked();
  expect(await isWitnessed()).toBe(true);
  for (const count of [3, 1, 300]) {
    sizes.push(await ledger.grown(count));
    expect(await isWitnessed()).toBe(false);
    await asked();
    await asked();
    expect(await isWitnessed()).toBe(true);
  }
  expect(witness.cosigned).toEqual(sizes);
  // What is stored says where it was, so that it is not asked in vain.
  expect(witness.answered).toEqual([200, 200, 200, 200]);
  expect(failures).toEqual([]);
  expect((await makeCheckpoint({ db: ledger.db, signer, tenant, nowMs: START }))?.size).toBe(sizes.at(-1));
});

test("an answer that was lost is asked for again, also when the ledger has grown meanwhile", async () => {
  await ledger.grown(5);
  witness.instead.push(null);
  await asked();
  expect(failures).toHaveLength(1);
  expect(await isWitnessed()).toBe(false);
  await asked();
  expect(await isWitnessed()).toBe(true);
  await ledger.grown(4);
  witness.instead.push(null);
  await asked();
  await ledger.grown(4);
  await asked();
  expect(await isWitnessed()).toBe(true);
  expect(failures).toHaveLength(2);
});

test("a chain that was hashed anew under the same key is refused, and one whose end was cut: the witness has seen another", async () => {
  await ledger.grown(40);
  await asked();
  const other = await startedLedger(await loadDeploymentId(ledger.db));
  try {
    await other.grown(20);
    await asked(other);
    expect(failures).toEqual([
      expect.stringMatching(/^WitnessDisagrees: it saw 41 entries, and the ledger has signed 21/),
    ]);
    await other.grown(30);
    await asked(other);
    expect(failures.slice(1)).toEqual([expect.stringMatching(/^WitnessDisagrees: it refuses the proof/)]);
    expect(await isWitnessed(other)).toBe(false);
    expect(witness.cosigned).toEqual([41]);
  } finally {
    await other.stop();
  }
});

test("what is no cosignature of this checkpoint by this witness is not stored, and the next look asks again", async () => {
  const size = await ledger.grown(3);
  const stranger = await startedWitness("witness.example/w1");
  stranger.knows(verifierKey(sha256, ledgerKey));
  const note = (await latestCheckpoint(ledger.db, tenant))?.note ?? "";
  const answer = await fetch(`${stranger.url}/add-checkpoint`, { method: "POST", body: `old 0\n\n${note}` });
  const foreign = await answer.text();
  await stranger.stop();
  const cases: readonly (readonly [answer: { status: number; body?: string; type?: string }, told: RegExp])[] = [
    [{ status: 200, body: foreign }, /no cosignature of witness\.example\/w1 with the key that we know/],
    [{ status: 200, body: note.split("\n").slice(-2).join("\n") }, /no cosignature of/],
    [{ status: 200, body: "OK\n" }, /no cosignature of this checkpoint/],
    [{ status: 200, body: "x".repeat(70_000) }, /longer than 65536 bytes/],
    [{ status: 302 }, /answered 302/],
    [{ status: 500 }, /answered 500/],
    [{ status: 404 }, /has not been told of this ledger's origin/],
    [{ status: 409, body: "3\n" }, /409 without the size/],
    [{ status: 409, body: "-3\n", type: "text/x.tlog.size" }, /409 without the size/],
  ];
  for (const [given, told] of cases) {
    witness.instead.push(given);
    failures = [];
    await asked();
    expect(failures).toEqual([expect.stringMatching(told)]);
    expect(await isWitnessed()).toBe(false);
  }
  await asked();
  expect([await isWitnessed(), ...witness.cosigned]).toEqual([true, size]);
});
