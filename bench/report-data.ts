import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { encodeBody, encodeFields, type EntryFields } from "@tollhouse/ledger";
import { DEFAULT_TENANT, type Database, type LedgerKeys } from "@tollhouse/store";

/** What stands in the generated ledger: 30 days, as a product with many users would leave them. */
export const SHAPE = {
  days: 30,
  users: 100_000,
  models: 50,
  features: 50,
  customers: 1_000,
  callsASession: 10,
  /** Of so many entries one is a change of configuration. */
  entriesAChange: 100,
} as const;

const PER_STEP = 500_000;
const USERS_A_STEP = 10_000;
const DAY_US = 86_400_000_000n;

export interface ReportData {
  readonly entries: number;
  readonly sessions: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export function userName(n: number): string {
  return `user-${n}`;
}

export function sessionName(n: number): string {
  return `run-${n}`;
}

/** Fills ledger and roll-ups by SQL: a recorder would take an hour for what this writes in minutes. The chain of hashes is none. */
export async function fillReports(db: Database, keys: LedgerKeys, entries: number, nowMs: number): Promise<ReportData> {
  await fillUsers(db, keys);
  const endUs = BigInt(nowMs) * 1000n;
  const startUs = endUs - BigInt(SHAPE.days) * DAY_US;
  // At least one session has to fit into a stretch of time; ten thousand calls are three quarters of an hour of ten million.
  const stretch = Math.min(10_000, Math.max(10, Math.round(entries / 1000)));
  const [call, changes] = [sampleCall(), sampleChanges()];
  // Made at the end, at a stroke.
  const indexes = await db.query<{ name: string; definition: string }>(
    "SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE indexname LIKE 'ledger\\_entries\\_by\\_%'",
  );
  for (const { name } of indexes.rows) await db.query(`DROP INDEX ${name}`);
  for (let first = 1; first <= entries; first += PER_STEP) {
    const last = Math.min(entries, first + PER_STEP - 1);
    await db.query(ENTRIES, [DEFAULT_TENANT, first, last, startUs, endUs - startUs, entries, stretch, call]);
    await db.query(CHANGES, [DEFAULT_TENANT, first, last, startUs, endUs - startUs, entries, changes]);
  }
  for (const { definition } of indexes.rows) await db.query(definition);
  await db.query(HOURLY, [DEFAULT_TENANT]);
  for (const statement of await backfill()) await db.query(statement);
  // Rows of an hour or a day lie together where a recorder has left them: the twenty-one hours before a day read 90,000 pages otherwise.
  const { rows: partitions } = await db.query<{ partition: string; index: string }>(PARTITIONS);
  for (const { partition, index } of partitions) await db.query(`CLUSTER ${partition} USING ${index}`);
  for (const table of [
    "ledger_entries",
    "users",
    "usage_hourly",
    "usage_by_workload",
    "usage_by_workload_daily",
    "usage_of_sessions",
    "usage_by_user_feature",
    "usage_by_customer",
    "usage_by_user_monthly",
    "usage_by_customer_model",
    "usage_by_customer_feature",
  ])
    await db.query(`VACUUM (ANALYZE) ${table}`);
  return {
    entries,
    sessions: Math.ceil(entries / SHAPE.callsASession),
    fromMs: Number(startUs / 1000n),
    toMs: nowMs,
  };
}

async function fillUsers(db: Database, keys: LedgerKeys): Promise<void> {
  for (let first = 0; first < SHAPE.users; first += USERS_A_STEP) {
    const names = Array.from({ length: USERS_A_STEP }, (_, i) => userName(first + i));
    await db.query(
      `INSERT INTO users (tenant, lookup, salt, pseudonym, readable)
       SELECT $1, u.lookup, '\\x00', u.pseudonym, u.readable FROM unnest($2::bytea[], $3::bytea[], $4::text[]) AS u (lookup, pseudonym, readable)`,
      [
        DEFAULT_TENANT,
        names.map((name) => keys.userLookup(DEFAULT_TENANT, name)),
        names.map((name) => createHash("sha256").update(name).digest()),
        names,
      ],
    );
  }
}

/** A body that the list of calls can read. */
function sampleCall(): Buffer {
  return sampleBody("call_settled", {
    environment: "prod",
    provider: "openai",
    model: "model-1",
    endpoint: "chat",
    status: 200,
    usage: { input: 100, input_cache_read: 20, output: 64 },
    latencyMs: 800,
  });
}

/** Bodies that the audit can read. */
function sampleChanges(): Buffer[] {
  return Array.from({ length: 100 }, (_, n) =>
    sampleBody("admin_action", {
      environment: "prod",
      actor: "admin",
      action: ["limit.update", "block.create", "limit.create", "block.lift"][n % 4] as string,
      subject: n % 2 === 0 ? `lim_${n}` : `blk_${n}`,
      before: `{"amount":"${n}.000000000","version":1}`,
      after: `{"amount":"${n + 1}.000000000","version":2}`,
    }),
  );
}

function sampleBody(type: "call_settled" | "admin_action", fields: EntryFields): Buffer {
  return Buffer.from(
    encodeBody({
      type,
      flags: 0,
      tenant: new Uint8Array(16),
      sequence: 1n,
      timeUs: 1n,
      entryId: new Uint8Array(16),
      refId: new Uint8Array(16),
      amountNano: 0n,
      currency: "USD",
      usageSource: type === "call_settled" ? "reported" : "none",
      macKeyId: 1,
      fields: encodeFields(fields),
    }),
  );
}

/** What the migrations make of a ledger that is there. */
async function backfill(): Promise<string[]> {
  const found: string[] = [];
  for (const name of ["0014_usage_rollups.sql", "0017_usage_by_month.sql", "0034_usage_of_sessions.sql"]) {
    const text = await readFile(new URL(`../packages/store/migrations/${name}`, import.meta.url), "utf8");
    const statements = text.replaceAll(/^--.*$/gm, "").split(";\n");
    // 0017 drops usage_by_user; since 0034 nobody reads usage_by_session.
    found.push(
      ...statements
        .map((each) => each.trim())
        .filter((each) => /^INSERT INTO (?!usage_by_(user|session)\n)/.test(each)),
    );
  }
  return found;
}

const PARTITIONS = `
SELECT i.indrelid::regclass::text AS partition, i.indexrelid::regclass::text AS index
FROM pg_index AS i JOIN pg_inherits AS h ON h.inhrelid = i.indrelid WHERE i.indisprimary`;

const hash = (of: string, seed: number, below: number): string => `abs(hashint8extended(${of}, ${seed}) % ${below})`;

/** $1 tenant, $2 to $3 sequences, $4 start and $5 length in microseconds, $6 entries in all, $7 calls a stretch, $8 body */
const ENTRIES = `
WITH numbered AS (
  SELECT n, n / $7 * ($7 / ${SHAPE.callsASession}) + ${hash("n", 1, 1_000_000)} % ($7 / ${SHAPE.callsASession}) AS run
  FROM generate_series($2::bigint, $3::bigint) AS n WHERE n % ${SHAPE.entriesAChange} <> 0
), called AS (
  SELECT *, ${hash("run", 2, SHAPE.users)} AS usr, ${hash("run", 3, SHAPE.features)} AS feature,
    -- Four of five calls of a feature go to its own model, and of the others few models take most.
    CASE WHEN n % 5 = 0 THEN floor(power(${hash("n", 4, 1000)} / 1000.0, 2) * ${SHAPE.models})::int
      ELSE ${hash(hash("run", 3, SHAPE.features), 7, SHAPE.models)} END AS model,
    ${hash("n", 5, 1000)} AS luck
  FROM numbered
)
INSERT INTO ledger_entries
SELECT $1::uuid, n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, NULL,
  CASE WHEN luck < 30 THEN 3 WHEN luck < 40 THEN 4 ELSE 2 END, CASE WHEN luck BETWEEN 40 AND 44 THEN 1 ELSE 0 END,
  $4::bigint + ($5::numeric * n / $6)::bigint, CASE WHEN luck < 45 THEN 0 ELSE 1000 + ${hash("n", 6, 5_000_000)} END, 1,
  CASE WHEN usr % 10 = 0 THEN 'dev' ELSE 'prod' END, (ARRAY['openai', 'anthropic', 'gemini'])[model % 3 + 1],
  'model-' || model, 'chat', 'key_' || feature % 20, 'run-' || run, 'agent-' || feature % 20, 'feature-' || feature, 'service-' || feature / 5,
  sha256(convert_to('user-' || usr, 'UTF8')), 'team-' || feature / 10, 'customer-' || usr % ${SHAPE.customers},
  CASE WHEN luck < 30 THEN 'BUDGET_EXCEEDED' END, 200, CASE WHEN luck < 40 THEN 0 ELSE 120 END, CASE WHEN luck < 40 THEN 0 ELSE 64 END,
  (luck < 30)::int, $8::bytea, sha256(int8send(n)), sha256(int8send(n))
FROM called`;

/** $1 tenant, $2 to $3 sequences, $4 start and $5 length in microseconds, $6 entries in all, $7 bodies */
const CHANGES = `
INSERT INTO ledger_entries (tenant, sequence, entry_id, type, flags, time_us, amount_nano, usage_source, environment, input_tokens, output_tokens,
  blocked_calls, body, entry_hash, mac)
SELECT $1::uuid, n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 7, 0, $4::bigint + ($5::numeric * n / $6)::bigint, 0, 0, 'prod', 0, 0,
  0, ($7::bytea[])[1 + n / ${SHAPE.entriesAChange} % cardinality($7)], sha256(int8send(n)), sha256(int8send(n))
FROM generate_series($2::bigint, $3::bigint) AS n WHERE n % ${SHAPE.entriesAChange} = 0`;

/** $1 tenant */
const HOURLY = `
INSERT INTO usage_hourly
SELECT tenant, time_us / 3600000000,
  substr(sha256(convert_to(jsonb_build_array(environment, provider, model, key, session, agent, feature, service, encode(user_pseudonym, 'hex'), team, customer)::text, 'UTF8')), 1, 16),
  environment, provider, model, key, session, agent, feature, service, user_pseudonym, team, customer,
  count(*) FILTER (WHERE type IN (2, 4)), count(*) FILTER (WHERE type = 4), sum(blocked_calls), count(*) FILTER (WHERE flags & 1 = 1),
  sum(input_tokens), sum(output_tokens), sum(amount_nano)
FROM ledger_entries WHERE tenant = $1 AND type IN (2, 3, 4)
GROUP BY 1, 2, environment, provider, model, key, session, agent, feature, service, user_pseudonym, team, customer`;
