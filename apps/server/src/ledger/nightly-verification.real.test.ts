import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  INSTALLATION_ROLE,
  LedgerKeys,
  loadVerification,
  NOT_GENUINE,
  checkpointSigner,
  makeCheckpoint,
  openSpool,
  startRecorder,
  verifyAside,
  verifyLedger,
  type Recorder,
  type Spool,
  type VerifyAside,
} from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { NightlyVerification } from "./nightly-verification.ts";

const masterKey = Buffer.alloc(32, 9);
const keys = new LedgerKeys(masterKey);
const signer = checkpointSigner({ masterKey, seeds: [] });
const FIRST = Date.UTC(2026, 10, 20, 12);
const DAY = 86_400_000;

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
let nightly: NightlyVerification;
/** A chain of its own for each test. */
let tenant: string;
let now: number;
/** From which entry on the chain was walked, each time. */
let walked: bigint[];
let alarms: (string | null)[];
let troubles: unknown[];

beforeAll(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  spool = await openSpool({ dir });
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
});
afterAll(async () => {
  await recorder.stop();
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  tenant = crypto.randomUUID().replaceAll("-", "");
  [now, walked, alarms, troubles] = [FIRST, [], [], []];
  nightly = nightlyWith((chain) =>
    verifyLedger(database.db, { ...chain, keys: new LedgerKeys(masterKey), signer: { keys: () => chain.noteKeys } }),
  );
  await act(4);
});
afterEach(() => nightly.close());

type Verify = ConstructorParameters<typeof NightlyVerification>[0]["verify"];
function nightlyWith(verify: Verify, mine = (): boolean => true): NightlyVerification {
  return new NightlyVerification({
    db: database.db,
    keys,
    signer,
    spool,
    tenants: () => [tenant],
    verify: (chain, signal) => {
      walked.push(chain.from);
      return verify(chain, signal);
    },
    mine,
    alarmed: (_, { problem }) => alarms.push(problem),
    failed: (_, error) => troubles.push(error),
    now: () => now,
  });
}

/** So many entries, and a signed checkpoint of them. */
async function act(times: number): Promise<void> {
  for (let i = 0; i < times; i++)
    await spool.append({
      t: "admin",
      id: crypto.randomUUID().replaceAll("-", ""),
      timeMs: now,
      tenant,
      environment: "prod",
      actor: "key_admin",
      action: "limit.create",
      subject: "lim_1",
      before: null,
      after: "{}",
    });
  await recorder.drained();
  await makeCheckpoint({ db: database.db, signer, tenant, nowMs: now });
}

async function night(): Promise<void> {
  now += DAY;
  await nightly.look();
  await recorder.drained();
  expect(troubles).toEqual([]);
}

const found = (): Promise<unknown> => loadVerification(database.db, keys, tenant);

/** In the chain of this test. */
async function tamper(...statements: string[]): Promise<void> {
  for (const table of ["ledger_entries", "ledger_checkpoints", "ledger_subtrees"])
    await database.db.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  for (const statement of statements)
    await database.db.query(statement.replace("WHERE", "WHERE tenant = $1 AND"), [tenant]);
}

async function alerts(): Promise<string[]> {
  const { rows } = await database.db.query<{ body: Buffer }>(
    "SELECT body FROM ledger_entries WHERE tenant = $1 AND type = 7 ORDER BY sequence",
    [tenant],
  );
  return rows
    .map(({ body }) => body.toString("utf8"))
    .filter((text) => text.includes("ledger.verification_failed"))
    .map((text) => /\{"severity".*?\}/.exec(text)?.[0] ?? text);
}

test("each night walks what was added since the night before, and the first of a month all of it", async () => {
  await nightly.look();
  expect(walked).toEqual([]);
  await night();
  expect(await found()).toMatchObject({ verifiedTo: 5n, problem: null, firstBadSequence: null });
  await act(3);
  await night();
  await nightly.look();
  expect(await found()).toMatchObject({ verifiedTo: 8n, lookedMs: now, wholeMs: FIRST + DAY });
  await night();
  for (now = Date.UTC(2026, 10, 30, 12); now < Date.UTC(2026, 11, 3);) await night();
  expect(walked).toEqual([1n, 6n, 9n, 1n, 9n, 9n]);
  expect(await found()).toMatchObject({ verifiedTo: 8n, wholeMs: Date.UTC(2026, 11, 1, 12) });
  expect([alarms, await alerts()]).toEqual([[], []]);
});

test("what is wrong is in the log every night, and once in the chain, with the first bad entry", async () => {
  await night();
  await act(3);
  await tamper("UPDATE ledger_entries SET reason = 'x' WHERE sequence = 7");
  await night();
  await night();
  const problem = "column reason is not what the body says";
  expect(alarms).toEqual([problem, problem]);
  expect((await alerts()).map((text) => JSON.parse(text) as unknown)).toEqual([
    { severity: "critical", first_bad_sequence: 7, problem },
  ]);
  expect(await found()).toMatchObject({ verifiedTo: 6n, firstBadSequence: 7n, problem });
  await tamper("UPDATE ledger_entries SET reason = NULL WHERE sequence = 7");
  await night();
  expect(await found()).toMatchObject({ verifiedTo: 9n, firstBadSequence: null, problem: null });
});

test("an old entry that was changed is found by the first night of the next month, and stays found", async () => {
  await night();
  await act(2);
  await night();
  await tamper("UPDATE ledger_entries SET amount_nano = 5 WHERE sequence = 3");
  await night();
  expect(alarms).toEqual([]);
  now = Date.UTC(2026, 11, 1);
  await night();
  await night();
  expect(alarms).toHaveLength(2);
  expect(await alerts()).toHaveLength(1);
  expect(await found()).toMatchObject({ verifiedTo: 2n, firstBadSequence: 3n });
});

test.each([
  [
    "with the checkpoints that cover it",
    ["DELETE FROM ledger_checkpoints WHERE true", "DELETE FROM ledger_subtrees WHERE true"],
  ],
  ["and the checkpoints were left", []],
])("an end that was cut off is named by its first missing entry: %s", async (_, more) => {
  await act(3);
  await night();
  await tamper("DELETE FROM ledger_entries WHERE sequence > 5", ...more);
  await night();
  expect(await found()).toMatchObject({ firstBadSequence: 6n, problem: expect.stringContaining("cut off") as string });
  expect(await alerts()).toHaveLength(1);
});

test.each([
  [
    "that all is sound",
    "verified_to = 8, first_bad_sequence = NULL, problem = NULL, whole_at = now() + interval '1 year'",
  ],
  ["that it was looked at", "looked_at = now() + interval '1 year'"],
])("who writes %s into the database without the keys is told of, and all of the chain is walked", async (_, change) => {
  await night();
  await act(3);
  await tamper(
    "UPDATE ledger_entries SET reason = 'x' WHERE sequence = 3",
    `UPDATE ledger_verifications SET ${change} WHERE true`,
  );
  expect(await found()).toMatchObject({ verifiedTo: 0n, problem: NOT_GENUINE });
  await night();
  const problem = "column reason is not what the body says";
  expect(alarms).toEqual([NOT_GENUINE, problem]);
  expect((await alerts()).map((text) => (JSON.parse(text) as { problem: string }).problem)).toEqual([
    NOT_GENUINE,
    problem,
  ]);
  expect([walked.at(-1), await found()]).toMatchObject([1n, { verifiedTo: 2n, firstBadSequence: 3n, problem }]);
});

test("an older record that is put back, one of another tenant, and one of a release before make walks longer, never shorter", async () => {
  await night();
  const { rows } = await database.db.query<{ row: unknown }>(
    "SELECT to_jsonb(v) AS row FROM ledger_verifications AS v WHERE tenant = $1",
    [tenant],
  );
  await act(3);
  await night();
  const put = "INSERT INTO ledger_verifications SELECT (jsonb_populate_record(NULL::ledger_verifications, $1)).*";
  const putBack = async (row: unknown): Promise<void> => {
    await database.db.query("DELETE FROM ledger_verifications WHERE tenant = $1", [tenant]);
    await database.db.query(put, [row]);
  };
  await putBack(rows[0]?.row);
  expect(await found()).toMatchObject({ verifiedTo: 5n, problem: null });
  await putBack({ ...(rows[0]?.row as object), mac: null });
  expect(await found()).toBeNull();
  await night();
  expect(walked).toEqual([1n, 6n, 1n]);
  const other = { ...(rows[0]?.row as object), tenant: crypto.randomUUID() };
  await database.db.query(put, [other]);
  expect(await loadVerification(database.db, keys, other.tenant.replaceAll("-", ""))).toMatchObject({
    problem: NOT_GENUINE,
  });
});

test("what keeps it from looking is no verdict: it is told, and tried again", async () => {
  await nightly.close();
  let away = true;
  nightly = nightlyWith((chain) => {
    if (away) return Promise.reject(new Error("the database is away"));
    return verifyAside({ ...chain, databaseUrl: database.url, role: INSTALLATION_ROLE, masterKey });
  });
  now += DAY;
  await nightly.look();
  expect([troubles.length, await found(), await alerts()]).toEqual([1, null, []]);
  away = false;
  await nightly.look();
  expect(await found()).toMatchObject({ verifiedTo: 5n, problem: null });
});

test("a process that does not work for all looks at nothing", async () => {
  await nightly.close();
  nightly = nightlyWith(
    () => Promise.reject(new Error("asked")),
    () => false,
  );
  now += DAY;
  await nightly.look();
  expect(walked).toEqual([]);
});

test("a walk in a thread of its own finds what a walk in this one does, and ends when it is told to", async () => {
  const origin = "unused";
  const noteKeys = signer.keys({ tenant, origin });
  const request: VerifyAside = {
    tenant,
    from: 1n,
    to: "latest",
    noteKeys,
    databaseUrl: database.url,
    role: INSTALLATION_ROLE,
    masterKey,
  };
  await tamper("DELETE FROM ledger_checkpoints WHERE true");
  const here = await verifyLedger(database.db, { tenant, from: 1n, to: "latest", keys: new LedgerKeys(masterKey) });
  expect(await verifyAside(request)).toEqual(here);
  await tamper("UPDATE ledger_entries SET body = set_byte(body, 70, 1) WHERE sequence = 3");
  expect(await verifyAside(request)).toMatchObject({ result: "FAIL", firstBadSequence: 3n });
  await expect(verifyAside(request, { signal: AbortSignal.abort() })).rejects.toThrow(/ended before/);
  await expect(verifyAside({ ...request, databaseUrl: "postgresql://127.0.0.1:1/none" })).rejects.toThrow(/reached/);
});
