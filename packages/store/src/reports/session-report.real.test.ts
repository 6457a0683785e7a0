import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { countSessions, sessionPage, type SessionPage, type SessionUse } from "./session-report.ts";

const HOUR = 3_600_000;
/** Not at the start of a day, so that the first day asked for is none of the roll-up of days. */
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
  for (const [table, period, at] of [
    ["usage_hourly", "hour", hour],
    ["usage_by_session", "day", Math.floor(hour / 24)],
  ])
    await database.db.query(
      `INSERT INTO ${table} (tenant, ${period}, row_key, environment, session, calls, released, blocked, cost_unknown, input_tokens, output_tokens, cost_nano)
       VALUES ($1, $2, decode(md5(random()::text), 'hex'), $3, $4, 1, 0, 2, 0, 3, 4, 5)`,
      [DEFAULT_TENANT, at, environment, session],
    );
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
