import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { openDatabase, openTenantDatabases, type OpenDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";
import { INSTALLATION_ROLE, joinRoles, TENANT_ROLE } from "./roles.ts";

// As on a server that somebody else runs: the database's owner is no superuser, and may have less than it needs.

const owner = `owner_${randomBytes(6).toString("hex")}`;
let database: TestDatabase;
let asOwner: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrated: false });
  const name = new URL(database.url).pathname.slice(1);
  await database.db.query(`CREATE ROLE ${owner} LOGIN`);
  await database.db.query(`ALTER DATABASE ${name} OWNER TO ${owner}`);
  await database.db.query(`ALTER SCHEMA public OWNER TO ${owner}`);
  asOwner = await openDatabase({ url: ownersUrl() }, { connectionsMax: 1 });
});
afterAll(async () => {
  await asOwner.close();
  await database.drop();
  const server = await testDatabase({ migrated: false });
  await server.db.query(`DROP ROLE ${owner}`);
  await server.drop();
});

function ownersUrl(): string {
  const url = new URL(database.url);
  url.username = owner;
  return url.href;
}

const refused = { name: "StartRefused", code: "DATABASE_ROLES_MISSING" };

test("whoever may make no role, or may not be given those that another database's owner made, is told what to run", async () => {
  await expect(migrate(asOwner)).rejects.toMatchObject(refused);
  await database.db.query(`ALTER ROLE ${owner} CREATEROLE`);
  await expect(migrate(asOwner)).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining(`GRANT ${TENANT_ROLE}, ${INSTALLATION_ROLE} TO`) as string,
  });
  await expect(openDatabase({ url: ownersUrl() }, { role: INSTALLATION_ROLE })).rejects.toMatchObject(refused);
  await expect(openTenantDatabases({ url: ownersUrl() })).rejects.toMatchObject(refused);
});

test("who has the roles migrates, acts as both, and is held to the policies of its own tables", async () => {
  await database.db.query(`GRANT ${TENANT_ROLE}, ${INSTALLATION_ROLE} TO ${owner}`);
  // From here on it need not make roles any more.
  await migrate(asOwner);
  await database.db.query(`ALTER ROLE ${owner} NOCREATEROLE`);
  await joinRoles(asOwner);
  const tenants = await openTenantDatabases({ url: ownersUrl() }, { connectionsMax: 1 });
  const other = "b".repeat(32);
  await database.db.query(`INSERT INTO tenants (id, name) VALUES ('${other}', 'b')`);
  await database.db.query(`INSERT INTO environments (tenant, name) VALUES ('${other}', 'prod')`);
  expect((await tenants.of(other).query("SELECT name FROM environments")).rows).toEqual([{ name: "prod" }]);
  await tenants.close();

  const installation = await openDatabase({ url: ownersUrl() }, { role: INSTALLATION_ROLE, connectionsMax: 1 });
  expect((await installation.query("SELECT name FROM environments")).rows).toHaveLength(4);
  await expect(installation.query("DELETE FROM ledger_entries")).rejects.toThrow(/permission denied/);
  await installation.close();
});

test("a later migration of that owner finds the rows of all tenants", async () => {
  expect((await asOwner.query("SELECT name FROM environments")).rows).toHaveLength(4);
});

test("a function of that owner clears details of entries, which nobody else may change", async () => {
  const installation = await openDatabase({ url: ownersUrl() }, { role: INSTALLATION_ROLE, connectionsMax: 1 });
  const tenant = "b".repeat(32);
  await installation.query(`INSERT INTO ledger_entries (tenant, sequence, entry_id, type, flags, time_us, amount_nano, usage_source, environment,
    model, input_tokens, output_tokens, blocked_calls, body, entry_hash, mac)
    VALUES ('${tenant}', 1, gen_random_uuid(), 2, 0, 5, 7, 1, 'prod', 'm', 0, 0, 0, '', '', '')`);
  const clearing = (before: number): Promise<{ rows: unknown[] }> =>
    installation.query("SELECT entries FROM clear_details($1, 'prod', $2, '{1}')", [tenant, before]);
  expect((await clearing(5)).rows).toEqual([{ entries: 0n }]);
  expect((await clearing(6)).rows).toEqual([{ entries: 1n }]);
  const { rows } = await installation.query("SELECT model, amount_nano FROM ledger_entries");
  expect(rows).toEqual([{ model: null, amount_nano: 7n }]);
  await expect(asOwner.query("UPDATE ledger_entries SET amount_nano = 0")).rejects.toThrow(/append-only/);
  await installation.close();
});

test("options of the URL do not take the role's place", async () => {
  const url = `${ownersUrl()}&options=${encodeURIComponent(`-c role=${owner} -c work_mem=5MB`)}`;
  const db = await openDatabase({ url }, { role: TENANT_ROLE, connectionsMax: 1 });
  const { rows } = await db.query("SELECT current_user::text AS role, current_setting('work_mem') AS memory");
  expect(rows).toEqual([{ role: TENANT_ROLE, memory: "5MB" }]);
  await db.close();
});
