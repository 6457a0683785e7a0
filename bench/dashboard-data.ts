import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_TENANT, LedgerKeys, migrate, openDatabase, startEmbedded, type Database } from "@tollhouse/store";
import { addGrownPolicies } from "./grown-rules.ts";
import { fillReports, SHAPE, type ReportData } from "./report-data.ts";
import { count } from "./table.ts";

/** Of the filled installation: whoever starts a server on it must give it this one. */
export const MASTER_KEY = Buffer.alloc(32, 1);
const FILLED = "filled.json";

/**
 * Fills a data folder as an installation of so many entries would have left it: the ledger and its roll-ups, and as many limits and blocks as
 * sessions. It ends at `at`. A folder that was filled before is taken as it is.
 */
export async function filledFolder(folder: string, entries: number, at: Date): Promise<ReportData> {
  const note = join(folder, FILLED);
  if (existsSync(note)) return JSON.parse(await readFile(note, "utf8")) as ReportData;
  await mkdir(folder, { recursive: true });
  const embedded = await startEmbedded({ dataDir: folder, log: () => undefined });
  const db = await openDatabase({ embedded });
  try {
    await migrate(db);
    const data = await fillReports(db, new LedgerKeys(MASTER_KEY), entries, at.getTime());
    await fillControl(db, data);
    await writeFile(note, JSON.stringify(data));
    return data;
  } finally {
    await db.close();
    await embedded.stop();
  }
}

/** What pages list beside the ledger. */
async function fillControl(db: Database, { sessions, toMs }: ReportData): Promise<void> {
  const month = `${new Date(toMs).toISOString().slice(0, 7)}-01`;
  const users = Math.min(SHAPE.users, Math.ceil(sessions / 10));
  for (const table of ["limits", "limit_versions"])
    await db.query(LIMITS.replace("INTO limits", `INTO ${table}`), [DEFAULT_TENANT, users, sessions]);
  await db.query(COUNTERS_OF_USERS, [DEFAULT_TENANT, `${month}T00:00Z`, Date.parse(month) / 3_600_000, toMs]);
  await db.query(COUNTERS_OF_SESSIONS, [DEFAULT_TENANT, toMs]);
  await addGrownPolicies(db, { policies: Math.ceil(sessions / 100), applying: 0 });
  await db.query(BLOCKS, [DEFAULT_TENANT, sessions, new Date(toMs)]);
  await db.query(KEYS, [DEFAULT_TENANT, Math.ceil(sessions / 100), KEY_RULES]);
  await db.query(MEMBERS, [DEFAULT_TENANT, Math.ceil(sessions / 1_000)]);
  // As autovacuum would have done by the time an installation has grown this far.
  for (const table of ["limits", "counter_sums", "blocks", "api_keys", "members", "policies"])
    await db.query(`VACUUM (ANALYZE) ${table}`);
  console.log(
    `${count(sessions)} limits with their counters and as many blocks, ${count(sessions / 100)} policies and keys`,
  );
}

const KEY_RULES = { name: "a key", permissions: ["call"], fixed: {}, settable: null, models: null };

/** A budget a month for each user, and one for each session; of an id the digits sort as they count. $2 users, $3 limits in all */
const LIMITS = `
INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
SELECT $1::uuid, 'prod', 'lim_' || lpad(to_hex(n), 32, '0'), CASE WHEN n <= $2 THEN 'user:user-' || n ELSE 'session:run-' || n END, 'usd',
  CASE WHEN n <= $2 THEN 300000000 ELSE 40000000 END + abs(hashint8extended(n, 8) % 30000000), CASE WHEN n <= $2 THEN 'month' ELSE 'lifetime' END, 'UTC', 'hard', 1
FROM generate_series(1, $3::bigint) AS n`;

/** $2 window, $3 its first hour, $4 now */
const COUNTERS_OF_USERS = `
INSERT INTO counter_sums (tenant, limit_id, window_id, settled, last_ms)
SELECT l.tenant, l.id, $2, sum(used.cost_nano), $4
FROM limits AS l
JOIN users AS u ON u.tenant = l.tenant AND 'user:' || u.readable = l.scope
JOIN usage_by_user_monthly AS used ON used.tenant = u.tenant AND used.user_pseudonym = u.pseudonym AND used.month = $3 AND used.environment = 'prod'
WHERE l.tenant = $1 AND l.window_kind = 'month'
GROUP BY l.tenant, l.id`;

/** $2 now */
const COUNTERS_OF_SESSIONS = `
INSERT INTO counter_sums (tenant, limit_id, window_id, settled, last_ms)
SELECT l.tenant, l.id, 'lifetime', sum(used.cost_nano), $2
FROM limits AS l JOIN usage_of_sessions AS used ON used.tenant = l.tenant AND 'session:' || used.session = l.scope AND used.environment = 'prod'
WHERE l.tenant = $1 AND l.window_kind = 'lifetime'
GROUP BY l.tenant, l.id`;

/** Every tenth ended by itself, every hundredth is a frozen session. $2 blocks, $3 now */
const BLOCKS = `
INSERT INTO blocks (tenant, environment, id, kind, scope, reason, operator, created_at, expires_at)
SELECT $1::uuid, 'prod', CASE WHEN n % 100 = 0 THEN 'frz_' ELSE 'blk_' END || lpad(to_hex(n), 32, '0'),
  CASE WHEN n % 100 = 0 THEN 'frozen_session' ELSE 'blocklist' END,
  CASE WHEN n % 100 = 0 THEN 'session:run-' || n ELSE 'user:blocked-' || n END, 'chargeback', 'admin-key',
  $3::timestamptz - make_interval(secs => n % 2000000),
  CASE WHEN n % 10 = 1 THEN $3::timestamptz - make_interval(secs => n % 1000000) END
FROM generate_series(1, $2::bigint) AS n`;

/** $2 keys, $3 what they may */
const KEYS = `
INSERT INTO api_keys (tenant, environment, id, hash, rules, created_at, version)
SELECT $1::uuid, 'prod', 'key_' || lpad(to_hex(n), 16, '0'), sha256(int8send(n)), $3::jsonb, now(), 1 FROM generate_series(1, $2::bigint) AS n`;

/** $2 members */
const MEMBERS = `
INSERT INTO members (tenant, id, email, name, role, version)
SELECT $1::uuid, 'mem_' || lpad(to_hex(n), 16, '0'), 'viewer-' || n || '@example.com', 'Viewer ' || n, 'viewer', 1
FROM generate_series(1, $2::bigint) AS n`;
