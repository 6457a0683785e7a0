import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { openDatabase, openTenantDatabases, type Database, type TenantDatabases } from "../database/database.ts";
import { INSTALLATION_ROLE, TENANT_ROLE } from "../database/roles.ts";

// PostgreSQL itself keeps tenants apart: these tests ask without any filter of ours, in every table that there is.

const A = "a".repeat(32);
const B = "b".repeat(32);

/** They have no column `tenant`, and what a tenant may do with them is shown by a test of its own. */
const WITHOUT_TENANT = [
  "configuration_changes",
  "configuration_version",
  "counter_fence",
  "installation",
  "job_turn",
  "nodes",
  "open_calls",
  "schema_migrations",
  "sign_in_requests",
  "spool_positions",
  "tenants",
];

let database: TestDatabase;
let tenants: TenantDatabases;
let a: Database;
let tables: string[];
beforeAll(async () => {
  database = await testDatabase();
  tables = await tablesWithTenant();
  for (const table of tables) await addRows(table);
  tenants = await openTenantDatabases({ url: database.url }, { connectionsMax: 2 });
  a = tenants.of(A);
});
afterAll(async () => {
  await tenants.close();
  await database.drop();
});

async function tablesWithTenant(): Promise<string[]> {
  const { rows } = await database.db.query<{ table_name: string }>(
    // Partitions are closed to everybody (ledger/rollup-months.real.test.ts): what is asked of them is asked of their table.
    `SELECT table_name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'tenant'
       AND NOT (SELECT relispartition FROM pg_class WHERE oid = table_name::regclass) ORDER BY table_name`,
  );
  return rows.map((row) => row.table_name);
}

const VALUES: Record<string, string> = {
  uuid: "gen_random_uuid()",
  text: "'x' || random()",
  bytea: "'\\x00'",
  bigint: "1",
  integer: "1",
  smallint: "1",
  boolean: "true",
  jsonb: "'{}'",
  "timestamp with time zone": "now()",
};

/** A row of each tenant, of any table whatever it means: rules of its values are taken out of this copy of the schema first. */
async function addRows(table: string): Promise<void> {
  const { rows: rules } = await database.db.query<{ conname: string }>(
    "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('c', 'f')",
    [table],
  );
  for (const { conname } of rules) await database.db.query(`ALTER TABLE ${table} DROP CONSTRAINT ${conname} CASCADE`);
  const { rows: columns } = await database.db.query<{ column_name: string; data_type: string }>(
    `SELECT column_name, data_type FROM information_schema.columns
     WHERE table_name = $1 AND column_name <> 'tenant' AND is_generated = 'NEVER'`,
    [table],
  );
  const names = columns.map(({ column_name }) => `"${column_name}"`).join(", ");
  const values = columns.map(({ data_type }) => VALUES[data_type] ?? "NULL").join(", ");
  // One that carries rows on would make two of them elsewhere.
  await database.db.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  for (const tenant of [A, B])
    await database.db.query(`INSERT INTO ${table} (tenant, ${names}) VALUES ('${tenant}', ${values})`);
  await database.db.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
}

/** "0 rows" and "not allowed" are both no reach. */
async function reach(work: Promise<{ rowCount: number }>): Promise<number | "refused"> {
  return work.then(
    ({ rowCount }) => rowCount,
    (error: Error) => {
      if (/row-level security|permission denied/.test(error.message)) return "refused";
      throw error;
    },
  );
}

describe("no table is left open", () => {
  test("each that has a column `tenant` has row-level security, forced, with these two policies and no other", async () => {
    const { rows } = await database.db.query<{ name: string; guarded: boolean; policies: string[] }>(
      `SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded, array_agg(
         array_to_string(ARRAY(SELECT r.rolname FROM pg_roles AS r WHERE r.oid = ANY (p.polroles)), ',') || ' '
         || p.polcmd::text || ' ' || p.polpermissive || ' ' || pg_get_expr(p.polqual, p.polrelid)
         || coalesce(' ' || pg_get_expr(p.polwithcheck, p.polrelid), '') ORDER BY p.polname) AS policies
       FROM pg_class AS c LEFT JOIN pg_policy AS p ON p.polrelid = c.oid
       WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p') GROUP BY c.oid ORDER BY 1`,
      [tables],
    );
    expect(rows.map(({ name }) => name)).toEqual(tables);
    const own = `(tenant = ( SELECT (current_setting('tollhouse.tenant'::text))::uuid AS current_setting))`;
    for (const { name, guarded, policies } of rows)
      expect([name, guarded, policies]).toEqual([
        name,
        true,
        [`${INSTALLATION_ROLE} * true true`, `${TENANT_ROLE} * true ${own}`],
      ]);
  });

  test("those without the column are these, and nobody made another unseen", async () => {
    const { rows } = await database.db.query<{ tablename: string }>(
      `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY ($1)
         AND NOT (SELECT relispartition FROM pg_class WHERE oid = tablename::regclass) ORDER BY 1`,
      [tables],
    );
    expect(rows.map((row) => row.tablename)).toEqual(WITHOUT_TENANT);
  });

  test("the two roles own nothing, log in nowhere and go past no policy", async () => {
    const { rows } = await database.db.query(
      `SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole,
         (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned
       FROM pg_roles AS r WHERE rolname = ANY ($1) ORDER BY 1`,
      [[TENANT_ROLE, INSTALLATION_ROLE]],
    );
    const none = { rolsuper: false, rolbypassrls: false, rolcanlogin: false, rolcreaterole: false, owned: 0 };
    expect(rows).toEqual([TENANT_ROLE, INSTALLATION_ROLE].map((rolname) => ({ rolname, ...none })));
  });

  test("a table that nobody guarded gives a tenant nothing", async () => {
    await database.db.query("CREATE TABLE forgotten (tenant uuid)");
    expect(await reach(a.query("SELECT * FROM forgotten"))).toBe("refused");
    await database.db.query("DROP TABLE forgotten");
  });
});

describe("without any filter of ours, a tenant", () => {
  test("sees of every table its own rows and no others", async () => {
    for (const table of tables) {
      const { rows } = await a.query<{ tenant: string }>(`SELECT tenant::text FROM ${table}`);
      expect([table, rows]).toEqual([table, [{ tenant: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" }]]);
      const all = await database.db.query(`SELECT tenant FROM ${table} WHERE tenant IN ('${A}', '${B}')`);
      expect([table, all.rows.length]).toEqual([table, 2]);
    }
  });

  test("changes, takes away and adds nothing of another's, in any table", async () => {
    for (const table of tables) {
      expect([table, await reach(a.query(`DELETE FROM ${table} WHERE tenant = '${B}'`))]).toEqual([
        table,
        expect.toBeOneOf([0, "refused"]),
      ]);
      expect([table, await reach(a.query(`UPDATE ${table} SET tenant = '${B}' WHERE tenant = '${A}'`))]).toEqual([
        table,
        "refused",
      ]);
      expect([table, await reach(a.query(`INSERT INTO ${table} (tenant) VALUES ('${B}')`))]).toEqual([
        table,
        "refused",
      ]);
      const { rows } = await database.db.query(`SELECT tenant FROM ${table} WHERE tenant = '${B}'`);
      expect([table, rows.length]).toEqual([table, 1]);
    }
  });

  test("is asked for by name: a connection of none is refused, not answered with nothing", async () => {
    const nobody = await openDatabase({ url: database.url }, { role: TENANT_ROLE, connectionsMax: 1 });
    for (const table of tables)
      await expect(nobody.query(`SELECT tenant FROM ${table}`)).rejects.toThrow(/tollhouse\.tenant/);
    await nobody.close();
  });

  test("cannot write what only the recorder writes, nor read salts, positions, open calls or the admin key's hash", async () => {
    const statements = [
      ...["ledger_entries", "users", "usage_hourly", "counter_sums"].map((table) => `DELETE FROM ${table}`),
      ...["ledger_entries", "users", "usage_hourly", "counter_sums"].map(
        (table) => `INSERT INTO ${table} (tenant) VALUES ('${A}')`,
      ),
      "SELECT salt FROM users",
      "SELECT * FROM spool_positions",
      "SELECT * FROM open_calls",
      "SELECT * FROM schema_migrations",
      `INSERT INTO tenants (id, name) VALUES ('${A}', 'a')`,
      `INSERT INTO environments (tenant, name) VALUES ('${A}', 'more')`,
      "UPDATE installation SET value = ''",
    ];
    for (const statement of statements)
      expect([statement, await reach(a.query(statement))]).toEqual([statement, "refused"]);
    await database.db.query("INSERT INTO installation (name, value) VALUES ('admin_key_hash', 'h')");
    await database.db.query(`INSERT INTO tenants (id, name) VALUES ('${A}', 'a'), ('${B}', 'b')`);
    expect((await a.query("SELECT name FROM installation")).rows).toEqual([{ name: "deployment_id" }]);
    expect((await a.query("SELECT name FROM tenants")).rows).toEqual([{ name: "a" }]);
  });
});

test("connections that tenants take turns on never answer for another, after errors and broken transactions too", async () => {
  const names = Array.from({ length: 4 }, (_, i) => String(i).repeat(32));
  const seen = "SELECT current_setting('tollhouse.tenant') AS tenant";
  const once = async (tenant: string, i: number): Promise<void> => {
    const db = tenants.of(tenant);
    if (i % 5 === 0) await expect(db.query("SELECT 1/0")).rejects.toThrow(/division/);
    if (i % 7 === 0)
      await expect(
        db.transaction(async (tx) => {
          await tx.query("SELECT 1/0");
        }),
      ).rejects.toThrow(/division/);
    const ask = (on: Pick<Database, "query">): Promise<string | undefined> =>
      on.query<{ tenant: string }>(seen).then(({ rows }) => rows[0]?.tenant);
    expect(i % 2 === 0 ? await ask(db) : await db.transaction(ask)).toBe(tenant);
  };
  await Promise.all(Array.from({ length: 400 }, (_, i) => once(names[i % names.length] as string, i)));
});
