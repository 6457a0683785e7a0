import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../database/sql.ts";
import { LedgerKeys } from "../ledger/ledger-keys.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { usageReport } from "./usage-report.ts";
import { countSessions, sessionPage, type SessionPage, type SessionUse } from "./session-report.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 21, 40);
const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const HOURS = 60;

/** Of each hour: which sessions call in it, and how often. Some call once, some in many hours; names that a text is not sorted by easily. */
const USED = Array.from({ length: HOURS }, (_, ago) => ({
  hour: Math.floor(NOW / HOUR) - ago,
  sessions: [`run-${ago}`, `run-${ago % 7}`, `ü/${ago % 11}-1`, ...(ago % 5 === 0 ? ["always"] : [])],
}));

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  for (const { hour, sessions } of USED) for (const session of sessions) await insert("prod", hour, session);
  // Another environment's session of that name is another session.
  await insert("dev", Math.floor(NOW / HOUR), "run-50");
}, 120_000);
afterAll(() => database.drop());

async function insert(environment: string, hour: number, session: string): Promise<void> {
  const sums = [1n, 0n, 2n, 0n, 3n, 4n, 5n].map((sum) => [sum]);
  const of = [[DEFAULT_TENANT], [environment], [session]];
  await database.db.query(
    `INSERT INTO usage_hourly (tenant, hour, row_key, environment, session, calls, released, blocked, cost_unknown, input_tokens, output_tokens, cost_nano)
     VALUES ($1, $2, decode(md5(random()::text), 'hex'), $3, $4, 1, 0, 2, 0, 3, 4, 5)`,
    [DEFAULT_TENANT, hour, environment, session],
  );
  await database.db.query(sql("upsert-usage-of-sessions"), [...of, [null], [hour], [hour], ...sums]);
}

/** By plain arithmetic over what was written. */
function expected(sinceHours: number): SessionUse[] {
  const since = Math.floor((NOW - sinceHours * HOUR) / HOUR);
  const found = new Map<string, { calls: number; last: number }>();
  for (const { hour, sessions } of USED.filter((used) => used.hour >= since))
    for (const session of sessions) {
      const { calls, last } = found.get(session) ?? { calls: 0, last: hour };
      found.set(session, { calls: calls + 1, last: Math.max(last, hour) });
    }
  return [...found]
    .toSorted(([a, { last: one }], [b, { last: other }]) => other - one || (a < b ? -1 : 1))
    .map(([session, { calls, last }]) => ({
      session,
      calls,
      blocked: 2 * calls,
      inputTokens: 3 * calls,
      outputTokens: 4 * calls,
      costNano: 5n * BigInt(calls),
      lastHourMs: last * HOUR,
    }));
}

async function allPages(sinceHours: number, limit: number): Promise<SessionUse[]> {
  const all: SessionUse[] = [];
  let cursor: string | null = null;
  do {
    const asked = { sinceMs: NOW - sinceHours * HOUR, nowMs: NOW, limit, cursor };
    const page: SessionPage = await sessionPage(database.db, place, asked);
    expect(page.sessions.length).toBeLessThanOrEqual(limit);
    all.push(...page.sessions);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

test.each([
  [1, 100],
  [13, 3],
  [HOURS, 1],
  [HOURS, 4],
  [HOURS, 500],
  [8_784, 7],
])(
  "sessions of %i hours in pages of %i are each there once, the last used first, with what they did since",
  async (hours, limit) => {
    expect(await allPages(hours, limit)).toEqual(expected(hours));
    expect(await countSessions(database.db, place, NOW - hours * HOUR)).toBe(expected(hours).length);
  },
);

test("a cursor of somebody's own making is refused by name, or costs no more than the first page", async () => {
  const asked = { sinceMs: NOW - HOUR, nowMs: NOW, limit: 2 };
  for (const cursor of ["", "1", "-1-run", "x-run", `1-${"r".repeat(257)}`])
    await expect(sessionPage(database.db, place, { ...asked, cursor })).rejects.toThrow(/^cursor: expected/);
  const far = await sessionPage(database.db, place, { ...asked, cursor: "999999999-zzz" });
  expect(far).toEqual(await sessionPage(database.db, place, { ...asked, cursor: null }));
});

test.each([
  ["few", 70],
  ["more than are looked up one by one", 10_100],
])(
  "what each of %s sessions cost, that began before a range or went on after it, is the sum of its hours there",
  async (_, long) => {
    const first = Math.floor(NOW / HOUR) - HOURS;
    const environment = `of ${long}`;
    // As many sessions of one hour, and calls without a session.
    const hours = `SELECT $1::uuid, hour, decode(md5(random()::text), 'hex'), $2::text, session, 1, 0, 2, 0, 3, 4, n % 50 + hour % 7
    FROM generate_series(1, $4::int) AS n,
      LATERAL (VALUES ($3::bigint + n % 20, 'long-' || n), ($3 + 30, 'long-' || n), ($3 + 40 + n % 20, 'long-' || n),
        ($3 + n % 60, 'short-' || n), ($3 + n % 60, NULL)) AS at (hour, session)`;
    const sums = "calls, released, blocked, cost_unknown, input_tokens, output_tokens, cost_nano";
    await database.db.query(
      `WITH used AS (INSERT INTO usage_hourly (tenant, hour, row_key, environment, session, ${sums}) ${hours} RETURNING *)
     INSERT INTO usage_of_sessions
     SELECT tenant, environment, session, CASE WHEN session IS NULL THEN hour / 24 END, min(hour), max(hour),
       ${sums
         .split(", ")
         .map((name) => `sum(${name})`)
         .join(", ")}
     FROM used GROUP BY 1, 2, 3, 4`,
      [DEFAULT_TENANT, environment, first, long],
    );
    for (const [from, to] of [
      [first + 10, first + 50],
      [first + 25, first + 35],
      [first, Infinity],
    ] as const) {
      const asked = {
        tenant: DEFAULT_TENANT,
        fromMs: from * HOUR,
        toMs: to * HOUR,
        filter: { environment: [environment] },
      };
      const page = { groupBy: ["session"], order: "cost", limit: 100_000 } as const;
      const { rows } = await usageReport(database.db, new LedgerKeys(Buffer.alloc(32)), { ...asked, ...page });
      const summed = await database.db.query(
        `SELECT session, sum(calls)::int AS calls, sum(blocked)::int AS blocked, sum(cost_nano)::int AS cost FROM usage_hourly
       WHERE environment = $1 AND hour >= $2 AND hour < $3 GROUP BY 1 ORDER BY cost DESC, session COLLATE "C"`,
        [environment, from, Math.min(to, 1e9)],
      );
      const found = rows.map(({ session, calls, blocked, cost }) => ({
        session,
        calls,
        blocked,
        cost: Math.round(Number(cost) * 1e9),
      }));
      // As text: to compare twenty thousand objects takes longer than to sum them.
      expect(JSON.stringify(found)).toBe(JSON.stringify(summed.rows));
    }
  },
);
