import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings, startTollhouse, type Tollhouse } from "@tollhouse/server";
import {
  DEFAULT_TENANT,
  loadPurge,
  openSpool,
  putRetention,
  startRecorder,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DetailPurger } from "../../apps/server/src/jobs/purge-details.ts";
import {
  sampleBlocked,
  sampleDecision,
  sampleIntent,
  sampleOutcome,
} from "../../packages/store/src/ledger/sample-records.ts";
import { TEST_ADMIN_KEY } from "../../packages/testkit/src/started-tollhouse.ts";
import { testDatabase, type TestDatabase } from "../../packages/testkit/src/test-database.ts";

// Calls of April to July, of which an installation keeps two whole months: what its job does in August, also where it is ended at any step, and what
// the control API says afterwards.

const MASTER_KEY = "11".repeat(32);
const PROD = { tenant: DEFAULT_TENANT, environment: "prod" };
const AT_JUNE = "2026-06-01T00:00:00.000Z";
const monthMs = (month: number): number => Date.UTC(2026, month - 1, 10, 6, 30);

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
let tollhouse: Tollhouse | undefined;
let said: string[];
let failures: unknown[];

beforeAll(async () => {
  database = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), "tollhouse-test-"));
  spool = await openSpool({ dir: join(dir, "before") });
  const masterKey = Buffer.from(MASTER_KEY, "hex");
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (const [n, month] of [4, 5, 6, 7].entries()) {
    void spool.append(sampleIntent(n, { timeMs: monthMs(month) }));
    void spool.append(sampleOutcome(n, { timeMs: monthMs(month) + 800 }));
  }
  void spool.append(sampleBlocked(10, { timeMs: monthMs(5) }));
  await recorder.drained();
  await database.db.query(
    `INSERT INTO payloads (tenant, environment, decision, sealed, stored_at, expires_at)
     SELECT tenant, environment, entry_id, '\\x00', now(), now() + '1 year' FROM ledger_entries WHERE type = 2`,
  );
});
afterAll(async () => {
  await tollhouse?.stop();
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

/** A process that ends at the `steps`th question whether it may go on. */
async function look(steps = Infinity, over: object = {}): Promise<void> {
  [said, failures] = [[], []];
  let left = steps;
  const purger = new DetailPurger({
    db: database.db,
    spool: {
      append: (record) => {
        if (record.t === "admin") said.push(record.subject);
        return spool.append(record);
      },
    },
    recorded: () => recorder.drained(),
    mine: () => left-- > 0,
    failed: (_, error) => failures.push(error),
    now: () => monthMs(8),
    ...over,
  });
  await purger.look();
  await purger.close();
}

async function rowsLeft(): Promise<number> {
  return (await database.db.query("SELECT FROM ledger_entries WHERE type IN (2, 3) AND model IS NOT NULL")).rowCount;
}

async function purgesInChain(): Promise<number> {
  const text = "SELECT FROM ledger_entries WHERE type = 7 AND position('retention.purged'::bytea IN body) > 0";
  return (await database.db.query(text)).rowCount;
}

describe("the job", () => {
  test("does nothing where nothing was set, or where another process works", async () => {
    await look();
    expect([said, failures, await rowsLeft()]).toEqual([[], [], 5]);
    await putRetention(database.db, PROD, { detailMonths: 2, version: 1 });
    await look(0);
    expect([said, await loadPurge(database.db, PROD)]).toEqual([[], null]);
  });

  test("says each month once and removes it with its texts, however often it was ended in between", async () => {
    await look(Infinity, { recorded: () => Promise.reject(new Error("away")) });
    // Reports refuse April from here on; nothing is cleared before the chain says so.
    expect(await loadPurge(database.db, PROD)).toMatchObject({ clearedTo: null });
    expect([said, failures.length, await rowsLeft()]).toEqual([["2026-04"], 1, 5]);
    for (let steps = 1; steps < 12; steps++) await look(steps);
    await look();
    expect([said, failures]).toEqual([[], []]);
    expect([await purgesInChain(), await rowsLeft()]).toEqual([2, 2]);
    expect((await database.db.query("SELECT FROM payloads")).rowCount).toBe(2);
    expect(await loadPurge(database.db, PROD)).toMatchObject({
      beforeUs: BigInt(Date.parse(AT_JUNE)) * 1000n,
      entries: 2n,
    });
  });
});

describe("the control API", () => {
  let etag: string | null;
  const ask = async (
    path: string,
    init: Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown>; readonly etag: string | null }> => {
    const response = await fetch(`${tollhouse?.address}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${TEST_ADMIN_KEY}`, "content-type": "application/json", ...init.headers },
    });
    const text = await response.text();
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      body: isJson ? (JSON.parse(text) as Record<string, unknown>) : { text },
      etag: response.headers.get("etag"),
    };
  };
  const put = (detail_months: unknown, headers: Record<string, string> = {}): ReturnType<typeof ask> =>
    ask("/api/v1/retention", { method: "PUT", body: JSON.stringify({ detail_months }), headers });

  beforeAll(async () => {
    await recorder.stop();
    await spool.close();
    const env = {
      DATABASE_URL: database.url,
      TOLLHOUSE_DATA_DIR: join(dir, "server"),
      TOLLHOUSE_MASTER_KEY: MASTER_KEY,
      TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
      TOLLHOUSE_PORT: "0",
      LOG_LEVEL: "error",
    };
    tollhouse = await startTollhouse(loadSettings({ env, argv: [], yamlText: null, cwd: dir }));
  });

  test("tells the setting and what was removed; a change is in the audit", async () => {
    const found = await ask("/api/v1/retention");
    expect(found).toMatchObject({
      status: 200,
      body: { environment: "prod", detail_months: 2, version: 1, purged_before: AT_JUNE, removing: false },
    });
    etag = found.etag;
    const kept = await put(null, { "if-match": etag ?? "" });
    expect(kept).toMatchObject({
      status: 200,
      body: { detail_months: null, version: 2, keeps_from: null, purged_before: AT_JUNE },
    });
    expect(await put(3, { "if-match": etag ?? "" })).toMatchObject({ status: 412 });
    await tollhouse?.recorded();
    const changes = (await ask("/api/v1/audit?action=retention.update")).body["changes"];
    expect(changes).toMatchObject([
      { before: { detail_months: 2 }, after: { detail_months: null }, actor: "admin-key" },
    ]);
    const purges = (await ask("/api/v1/audit?action=retention.purged")).body["changes"];
    expect(purges).toMatchObject([
      { subject: "2026-05", actor: "tollhouse", after: { before: AT_JUNE, entries: 2, payloads: 1 } },
      { subject: "2026-04", after: { before: "2026-05-01T00:00:00.000Z", entries: 1, payloads: 1 } },
    ]);
  });

  test.each([0, -1, 1.5, "2", 1201, undefined])("refuses %j months by the field", async (months) => {
    expect(await put(months)).toMatchObject({ status: 400, body: { errors: [{ field: "detail_months" }] } });
  });

  test("of another environment is told apart, and of one that there is none of refused", async () => {
    expect(await ask("/api/v1/retention?environment=dev")).toMatchObject({ body: { version: 0, purged_before: null } });
    expect(await ask("/api/v1/retention?environment=nowhere")).toMatchObject({ status: 400 });
  });

  test.each([
    ["a call", `/api/v1/calls/dec_${sampleDecision(1)}`, undefined],
    ["a decision", `/api/v1/decisions/dec_${sampleDecision(1)}`, undefined],
    ["a list of calls before it", `/api/v1/calls?environment=prod&to=${AT_JUNE}`, "to"],
    ["a file of all calls", "/api/v1/calls?environment=prod&format=csv", "from"],
    ["a file of a part", "/api/v1/calls?environment=prod&format=ndjson&limit=50", "from"],
    ["usage by names from inside an hour", "/api/v1/usage?group_by=model&from=2026-05-10T06:10:00Z", "from"],
    ["a file of such usage", "/api/v1/usage?group_by=model&from=2026-05-10T06:10:00Z&format=csv", "from"],
    ["entries by a name", "/api/v1/ledger/export?format=csv&model=gpt-4o-mini", "since"],
  ])("says that %s cannot be had any more, and from when on it can", async (_, path, field) => {
    const { status, body } = await ask(path);
    expect([status, body["reason_code"]]).toEqual([410, "DETAILS_PURGED"]);
    expect(body["detail"]).toContain(AT_JUNE);
    expect(body["errors"]).toEqual(field === undefined ? undefined : [{ field, problem: body["detail"] }]);
  });

  test("refuses a rehearsal over it", async () => {
    const over = {
      policy: { name: "small", attach: "default", priority: 0, mode: "enforce" },
      from: "2026-05-01T00:00:00Z",
      to: "2026-05-20T00:00:00Z",
    };
    const rehearsed = await ask("/api/v1/policies/rehearse", { method: "POST", body: JSON.stringify(over) });
    expect([rehearsed.status, rehearsed.body["reason_code"]]).toEqual([410, "DETAILS_PURGED"]);
  });

  test("goes on to answer everything else: sums, later calls, receipts, exports, a limit for ever, the verification", async () => {
    expect(await ask("/api/v1/usage?group_by=model,user&from=2026-05-10T06:00:00Z")).toMatchObject({
      body: { total: { calls: 3, blocked: 1 } },
    });
    const listed = await ask("/api/v1/calls?environment=prod");
    expect(listed.body).toMatchObject({ next_cursor: null, purged_before: AT_JUNE });
    expect(listed.body["calls"]).toHaveLength(2);
    expect(await ask(`/api/v1/calls/dec_${sampleDecision(1)}/receipt`)).toMatchObject({ status: 200 });
    expect((await ask("/api/v1/ledger/export")).status).toBe(200);
    expect((await ask("/api/v1/ledger/export?format=csv")).status).toBe(200);
    const limit = { scope: "session:run-1", measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
    const made = await ask("/api/v1/limits", { method: "POST", body: JSON.stringify(limit) });
    expect(made).toMatchObject({ status: 201, body: { state: { settled: "0.000000564" } } });
    const verified = await ask("/api/v1/ledger/verify", {
      method: "POST",
      body: JSON.stringify({ from: 1, to: "latest" }),
    });
    expect(verified.body).toMatchObject({ result: "PASS", first_bad_sequence: null, purged: 3 });
  });
});
