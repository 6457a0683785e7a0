import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { INSTALLATION_ROLE } from "../database/roles.ts";
import { openSpool } from "../spool/spool.ts";
import { startRecorder } from "./recorder.ts";
import { sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";

const COARSE = [
  "usage_by_workload",
  "usage_by_workload_daily",
  "usage_of_sessions",
  "usage_by_user_feature",
  "usage_by_customer",
  "usage_by_user_monthly",
  "usage_by_customer_model",
  "usage_by_customer_feature",
];

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const masterKey = Buffer.alloc(32, 3);
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < 400; n++) {
    const dimensions = {
      ...(n % 3 !== 0 && { session: `run-${n % 20}` }),
      ...(n % 4 !== 0 && { user: n % 8 === 1 ? "-" : `user-${n % 9}` }),
      ...(n % 5 !== 0 && { customer: n % 10 === 1 ? "+" : `customer-${n % 6}` }),
      ...(n % 7 !== 0 && { feature: "+-" }),
    };
    const intent = sampleIntent(n, {
      // Two days of one month and one of the next.
      timeMs: Date.UTC(2026, 10, 29, 6) + n * 500_000,
      environment: n % 6 === 0 ? "dev" : "prod",
      key: n % 2 === 0 ? null : "-",
      dimensions,
    });
    void spool.append(intent);
    void spool.append(sampleOutcome(n, n % 9 === 0 ? { cost: null } : {}));
    const { timeMs, environment, key } = intent;
    if (n % 10 === 0) void spool.append(sampleBlocked(1000 + n, { timeMs, environment, key, dimensions }));
    // Several batches: rows are added to, not only made.
    if (n % 150 === 149) await recorder.drained();
  }
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

/** Every row but for its key, as text, in order. */
async function rowsOf(table: string): Promise<string[]> {
  const { rows } = await database.db.query<{ row: string }>(
    `SELECT (to_jsonb(t) - 'row_key')::text AS row FROM ${table} AS t ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}

test("what the recorder adds is what the migration makes of the hourly roll-up, row by row", async () => {
  const recorded = await Promise.all(COARSE.map(rowsOf));
  expect(recorded.map((rows) => rows.length > 5)).toEqual(COARSE.map(() => true));
  await database.db.query(`TRUNCATE ${COARSE.join(", ")}`);
  for (const name of ["0014_usage_rollups.sql", "0017_usage_by_month.sql", "0034_usage_of_sessions.sql"]) {
    const file = new URL(`../../migrations/${name}`, import.meta.url);
    const statements = (await readFile(file, "utf8")).replaceAll(/^--.*$/gm, "").split(";\n");
    for (const text of statements)
      // 0017 drops the one; since 0034 nobody writes the other.
      if (/^\s*INSERT INTO (?!usage_by_(user|session)\n)/.test(text)) await database.db.query(text);
  }
  expect(await Promise.all(COARSE.map(rowsOf))).toEqual(recorded);
});

test("every roll-up sums to the ledger, calls without a session, user or customer among them", async () => {
  const sums =
    "sum(calls)::int AS calls, sum(blocked)::int AS blocked, sum(cost_unknown)::int AS unknown, sum(cost_nano)::text AS cost, sum(input_tokens)::int AS input";
  const ledger = await database.db.query(
    `SELECT count(*) FILTER (WHERE type = 2)::int AS calls, sum(blocked_calls)::int AS blocked,
       count(*) FILTER (WHERE type = 2 AND flags & 1 = 1)::int AS unknown, sum(amount_nano)::text AS cost, sum(input_tokens)::int AS input
     FROM ledger_entries`,
  );
  for (const table of ["usage_hourly", ...COARSE])
    expect((await database.db.query(`SELECT ${sums} FROM ${table}`)).rows, table).toEqual(ledger.rows);
});

test("what a recorder of the release before adds to days of sessions is in their lives", async () => {
  // Its statement, but for the arrays.
  const add = (day: number, session: string | null, calls: number): Promise<unknown> =>
    database.db.transaction(async (tx) => {
      await tx.query(`SET LOCAL ROLE ${INSTALLATION_ROLE}`);
      await tx.query(
        `INSERT INTO usage_by_session AS u (tenant, day, row_key, calls, released, blocked, cost_unknown, input_tokens, output_tokens,
           cost_nano, environment, session)
         VALUES ($1, $2, sha256(convert_to(coalesce($3, ''), 'UTF8')), $4, 1, 0, 2, 30, 40, 500, 'late', $3)
         ON CONFLICT (tenant, day, row_key) DO UPDATE SET calls = u.calls + excluded.calls, released = u.released + excluded.released,
           cost_unknown = u.cost_unknown + excluded.cost_unknown, input_tokens = u.input_tokens + excluded.input_tokens,
           output_tokens = u.output_tokens + excluded.output_tokens, cost_nano = u.cost_nano + excluded.cost_nano`,
        [DEFAULT_TENANT, day, session, calls],
      );
    });
  for (const [day, session, calls] of [
    [20_000, "old", 2],
    [20_000, "old", 3],
    [20_002, "old", 4],
    [20_000, null, 5],
    [20_001, null, 6],
  ] as const)
    await add(day, session, calls);
  const { rows } = await database.db.query(
    `SELECT session, day, first_hour, last_hour, calls, released, blocked, cost_unknown, input_tokens, output_tokens, cost_nano
     FROM usage_of_sessions WHERE environment = 'late' ORDER BY session, day`,
  );
  const sums = (calls: bigint, times: bigint): object => ({
    calls,
    released: times,
    blocked: 0n,
    cost_unknown: 2n * times,
    input_tokens: 30n * times,
    output_tokens: 40n * times,
    cost_nano: 500n * times,
  });
  const hoursOf = (first: bigint, last: bigint): object => ({ first_hour: first * 24n, last_hour: last * 24n + 23n });
  expect(rows).toEqual([
    { session: "old", day: null, ...hoursOf(20_000n, 20_002n), ...sums(9n, 3n) },
    { session: null, day: 20_000n, ...hoursOf(20_000n, 20_000n), ...sums(5n, 1n) },
    { session: null, day: 20_001n, ...hoursOf(20_001n, 20_001n), ...sums(6n, 1n) },
  ]);
});

test("a sum beyond what a bigint holds fails, and never wraps", async () => {
  const most = "SELECT sum_whole(n) FROM unnest(ARRAY[9223372036854775807, $1]::bigint[]) AS n";
  await expect(database.db.query(most, [1])).rejects.toThrow(/out of range/);
  expect((await database.db.query(most, [0])).rows).toEqual([{ sum_whole: 9223372036854775807n }]);
  expect((await database.db.query("SELECT sum_whole(n) AS sum FROM unnest('{}'::bigint[]) AS n", [])).rows).toEqual([
    { sum: 0n },
  ]);
});
