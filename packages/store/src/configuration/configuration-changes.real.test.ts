import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { openTenantDatabases, type Queryable, type TenantDatabases } from "../database/database.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { putPlanAssignment, putPlan } from "../policies/plan-store.ts";
import { deleteLimit, insertLimit, updateLimit, type NewLimit } from "../reports/limit-store.ts";
import { insertEnvironment, insertTenant } from "../tenants/tenant-store.ts";
import { configurationNews, configurationVersion, makeConfigurationBarrier } from "./configuration-changes.ts";

const prod = { tenant: DEFAULT_TENANT, environment: "prod" };

let database: TestDatabase;
let tenants: TenantDatabases;
let own: Queryable;
beforeAll(async () => {
  database = await testDatabase();
  tenants = await openTenantDatabases({ url: database.url }, { connectionsMax: 8 });
  own = tenants.of(DEFAULT_TENANT);
});
afterAll(async () => {
  await tenants.close();
  await database.drop();
});

function limit(id: string): NewLimit {
  return { id, scope: "org", measure: "usd", amount: 1n, window: "day", timeZone: "UTC", mode: "hard" };
}

/** What a change made known, without its number. */
async function toldBy(work: () => Promise<unknown>): Promise<unknown[]> {
  const before = await configurationVersion(database.db);
  await work();
  const { changes, newest, gap } = await configurationNews(database.db, before, 100);
  expect([gap, newest - before]).toEqual([false, BigInt(changes.length)]);
  return changes.map(({ version, ...told }, at) => {
    expect(version).toBe(before + BigInt(at) + 1n);
    return told;
  });
}

test("each change that a tenant's own connection makes is told with its place and its row", async () => {
  expect(await toldBy(() => insertLimit(own, prod, limit("lim_a")))).toEqual([
    { ...prod, subject: "limits", ids: ["lim_a"] },
  ]);
  expect(await toldBy(() => updateLimit(own, prod, "lim_a", { amount: 2n }))).toEqual([
    { ...prod, subject: "limits", ids: ["lim_a"] },
  ]);
  expect(await toldBy(() => deleteLimit(own, prod, "lim_a"))).toEqual([{ ...prod, subject: "limits", ids: ["lim_a"] }]);
  expect(await toldBy(() => deleteLimit(own, prod, "lim_a").catch(() => undefined))).toEqual([]);
});

test("every table that nodes keep in memory tells of rows that come, change and go", async () => {
  const { rows } = await database.db.query<{ table: string; triggers: bigint }>(
    `SELECT relname AS table, count(*) AS triggers FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid
     WHERE tgname LIKE 'configuration\\_%' GROUP BY 1 ORDER BY 1`,
  );
  expect(rows.map(({ table, triggers }) => [table, Number(triggers)])).toEqual(
    [
      ["anomaly_rules", "api_keys", "blocks", "environments", "limits", "payload_settings", "plan_assignments"],
      ["plans", "policies", "provider_keys", "tenants"],
    ]
      .flat()
      .map((table) => [table, 3]),
  );
  // Triggers of a statement run for no row too, and find the columns that they name.
  for (const { table } of rows) {
    await database.db.query(`INSERT INTO ${table} SELECT * FROM ${table} WHERE false`);
    const column = table === "tenants" ? "id" : "tenant";
    await database.db.query(`UPDATE ${table} SET ${column} = ${column} WHERE false`);
    await database.db.query(`DELETE FROM ${table} WHERE false`);
  }
});

test("a new tenant and a new environment are told as changes of that tenant", async () => {
  const id = "5".repeat(32);
  const createdMs = 1_700_000_000_000;
  const made = { id, name: "acme", createdMs, environments: [{ name: "prod", createdMs }] };
  const told = { tenant: id, environment: null, subject: "tenants", ids: null };
  expect(await toldBy(() => insertTenant(database.db, made))).toEqual([told, told]);
  expect(await toldBy(() => insertEnvironment(database.db, id, { name: "qa", createdMs }))).toEqual([told]);
});

test("thousands of rows in one statement are one change of each place, of which no row is named", async () => {
  const told = await toldBy(() =>
    database.db.query(
      `INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
       SELECT $1, (ARRAY['prod', 'dev'])[n % 2 + 1], 'lim_many' || n, 'user:u' || n, 'usd', 1, 'day', 'UTC', 'hard', 1
       FROM generate_series(1, 2500) n`,
      [DEFAULT_TENANT],
    ),
  );
  expect(told).toHaveLength(2);
  expect(told).toContainEqual({ ...prod, subject: "limits", ids: null });
});

test("a change of who is on a plan names nobody, for a user must be able to be forgotten", async () => {
  await putPlan(own, prod, { name: "pro", description: "", version: 1 });
  const told = await toldBy(() => putPlanAssignment(own, prod, { holder: "user", value: "alice" }, "pro"));
  expect(told).toEqual([{ ...prod, subject: "plan_assignments", ids: null }]);
});

test("the last use of a key is no change of it; another version is", async () => {
  await database.db.query(
    `INSERT INTO api_keys (tenant, environment, id, hash, rules, created_at, version)
     VALUES ($1, 'prod', 'key_1', $2, '{}', now(), 1)`,
    [DEFAULT_TENANT, Buffer.alloc(32)],
  );
  const touched = "UPDATE api_keys SET last_used_at = now() WHERE id = 'key_1'";
  expect(await toldBy(() => database.db.query(touched))).toEqual([]);
  const changed = "UPDATE api_keys SET version = 2 WHERE id = 'key_1'";
  expect(await toldBy(() => database.db.query(changed))).toEqual([{ ...prod, subject: "keys", ids: ["key_1"] }]);
});

test("what is rolled back is told to nobody, and leaves no gap", async () => {
  const told = await toldBy(async () => {
    const taken = database.db.transaction(async (tx) => {
      await insertLimit(tx, prod, limit("lim_never"));
      throw new Error("no");
    });
    await expect(taken).rejects.toThrow("no");
    await insertLimit(own, prod, limit("lim_then"));
  });
  expect(told).toEqual([{ ...prod, subject: "limits", ids: ["lim_then"] }]);
});

test("of changes that commit at once, whoever reads a number has read all before it", async () => {
  const start = await configurationVersion(database.db);
  const count = 60;
  let making = true;
  const seen: bigint[] = [];
  const reader = (async () => {
    for (let at = start; making || at < start + BigInt(count);) {
      const { changes, gap } = await configurationNews(database.db, at, 1000);
      expect(gap).toBe(false);
      for (const { version } of changes) seen.push(version);
      at = seen.at(-1) ?? at;
    }
  })();
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      tenants.of(DEFAULT_TENANT).transaction(async (tx) => {
        await insertLimit(tx, prod, limit(`lim_at_once_${n}`));
        // Some are long between their change and their commit.
        if (n % 3 === 0) await tx.query("SELECT pg_sleep(0.02)");
      }),
    ),
  );
  making = false;
  await reader;
  expect(seen).toEqual(Array.from({ length: count }, (_, n) => start + BigInt(n) + 1n));
});

test("whoever is further behind than the log reaches, or ahead of a database that was set back, is told of a gap", async () => {
  const before = await configurationVersion(database.db);
  const barrier = await makeConfigurationBarrier(database.db);
  expect(barrier).toBe(before + 1n);
  expect((await configurationNews(database.db, barrier, 10)).gap).toBe(false);
  expect((await configurationNews(database.db, barrier + 5n, 10)).gap).toBe(true);
  await database.db.query("DELETE FROM configuration_changes WHERE version <= $1", [before]);
  expect((await configurationNews(database.db, before - 1n, 10)).gap).toBe(true);
  expect((await configurationNews(database.db, before, 10)).changes).toMatchObject([{ subject: "barrier" }]);
});

test("the log keeps the last ten thousand changes", async () => {
  await database.db.query("UPDATE configuration_version SET version = version + 20000");
  await makeConfigurationBarrier(database.db);
  const { rows } = await database.db.query("SELECT version FROM configuration_changes");
  expect(rows).toHaveLength(1);
});
