import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase, type OpenDatabase, type Queryable } from "./database.ts";
import { migrate } from "./migrate.ts";
import { readMigrations } from "./migration-files.ts";

// A rolling upgrade, seen by PostgreSQL itself: processes of the release before run on a schema that a newer one has added to. What they
// use is still there and is what it was, what they write is still taken, and every statement that they could ask means the same.

const MIGRATIONS = new URL("../../migrations/", import.meta.url);
const STATEMENTS = new URL("../../sql/", import.meta.url);
const FIRST_MARKED = 17;

/** Longest rows of files that only add: whoever knows the schema before one may run on what is after it. */
const files = (await readMigrations()).filter(({ version }) => version >= FIRST_MARKED);
const upgrades: { readonly from: string; readonly to: string }[] = [];
for (const [at, { name, expand }] of files.entries()) {
  const before = files[at - 1];
  const last = upgrades.at(-1);
  if (!expand || before === undefined) continue;
  if (before.expand && last !== undefined) upgrades[upgrades.length - 1] = { from: last.from, to: name };
  else upgrades.push({ from: before.name, to: name });
}

const CATALOG: Readonly<Record<string, string>> = {
  columns: `
    SELECT c.relname AS of, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
      pg_get_expr(d.adbin, d.adrelid) AS otherwise
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped`,
  constraints: `
    SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS says
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'`,
  unique: `
    SELECT indrelid::regclass::text AS of, pg_get_indexdef(indexrelid) AS says
    FROM pg_index JOIN pg_class AS c ON c.oid = indrelid WHERE c.relnamespace = 'public'::regnamespace AND indisunique`,
  functions: `
    SELECT proname AS name, pg_get_function_identity_arguments(oid) AS takes, pg_get_function_result(oid) AS answers
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
  policies: `
    SELECT tablename AS of, policyname AS name, roles::text, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'`,
  privileges: `
    SELECT c.relname AS of, r.rolname AS role, p.privilege_type AS may
    FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS p JOIN pg_roles AS r ON r.oid = p.grantee
    WHERE c.relnamespace = 'public'::regnamespace`,
};

interface Schema {
  /** What there is, one line of JSON a thing. */
  readonly things: ReadonlyMap<string, ReadonlySet<string>>;
  readonly tables: ReadonlySet<string>;
  /** What each statement that can be asked takes and answers. */
  readonly statements: ReadonlyMap<string, string>;
}

let database: TestDatabase;
let db: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrated: false });
  db = await openDatabase({ url: database.url }, { connectionsMax: 1 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

async function migratedTo(name: string): Promise<Schema> {
  const folder = await mkdtemp(join(tmpdir(), "tollhouse-release-"));
  try {
    for (const file of await readdir(MIGRATIONS))
      if (file <= `${name}.sql`) await copyFile(new URL(file, MIGRATIONS), join(folder, file));
    await migrate(db, { folder: new URL(`${pathToFileURL(folder).href}/`) });
  } finally {
    await rm(folder, { recursive: true });
  }
  return readSchema();
}

const UNDONE = new Error("nothing of it is kept");

/** As it is, or as it would be after this change; nothing is changed. */
async function readSchema(change = "SELECT"): Promise<Schema> {
  let schema: Schema | null = null;
  const undone = db.transaction(async (tx) => {
    await tx.query(change);
    schema = await schemaNow(tx);
    throw UNDONE;
  });
  await undone.catch((error: unknown) => {
    if (error !== UNDONE) throw error;
  });
  return schema as unknown as Schema;
}

async function schemaNow(tx: Queryable): Promise<Schema> {
  const things = new Map<string, ReadonlySet<string>>();
  const tables = new Set<string>();
  for (const [kind, text] of Object.entries(CATALOG)) {
    const { rows } = await tx.query<{ of?: string }>(text);
    things.set(kind, new Set(rows.map((row) => JSON.stringify(row))));
    if (kind === "columns") for (const { of = "" } of rows) tables.add(of);
  }
  return { things, tables, statements: await askable(tx) };
}

async function askable(tx: Queryable): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const file of await readdir(STATEMENTS)) {
    const text = await readFile(new URL(file, STATEMENTS), "utf8");
    await tx.query("SAVEPOINT before");
    const prepared = await tx.query(`PREPARE asked AS ${text}`).catch(() => null);
    if (prepared === null) {
      await tx.query("ROLLBACK TO before");
      continue;
    }
    const { rows } = await tx.query<{ shape: Record<string, unknown> }>(
      "SELECT to_jsonb(p) - ARRAY['statement', 'prepare_time', 'generic_plans', 'custom_plans'] AS shape FROM pg_prepared_statements AS p WHERE name = 'asked'",
    );
    found.set(file, JSON.stringify(rows[0]?.shape));
    await tx.query("DEALLOCATE asked");
  }
  return found;
}

/** What one of the release before would miss, or could no longer write. */
function broken(before: Schema, after: Schema): string[] {
  const gone = [...before.things].flatMap(([kind, all]) =>
    [...all].filter((thing) => after.things.get(kind)?.has(thing) !== true).map((thing) => `${kind}: ${thing} is gone`),
  );
  const others = [...before.statements]
    .filter(([file, shape]) => after.statements.get(file) !== shape)
    .map(([file]) => `${file}: takes or answers something else`);
  return [...gone, ...others, ...refusing(before, after)];
}

/** New rules on tables that were there: whoever does not know of them breaks them. */
function refusing(before: Schema, after: Schema): string[] {
  const added = (kind: string): { of: string; required?: boolean; otherwise?: string | null }[] =>
    [...(after.things.get(kind) ?? [])]
      .filter((thing) => before.things.get(kind)?.has(thing) !== true)
      .map((thing) => JSON.parse(thing) as { of: string })
      .filter(({ of }) => before.tables.has(of));
  return [
    ...added("columns").filter(({ required, otherwise }) => required === true && otherwise === null),
    ...added("constraints"),
    ...added("unique"),
  ].map((thing) => `${JSON.stringify(thing)} was not there`);
}

describe("the release before runs on", () => {
  test.each(upgrades)("$from, and what was added up to $to", async ({ from, to }) => {
    const before = await migratedTo(from);
    expect(before.statements.size).toBeGreaterThan(50);
    const after = await migratedTo(to);
    expect(broken(before, after)).toEqual([]);
  });

  test("and every statement of this one can be asked on its own schema", async () => {
    expect([...(await readSchema()).statements.keys()]).toEqual(await readdir(STATEMENTS));
  });

  test.each([
    ["ALTER TABLE limits DROP COLUMN mode", /"name":"mode".* is gone/],
    ["ALTER TABLE limits ALTER COLUMN amount TYPE numeric", /"amount".* is gone/],
    ["ALTER TABLE limits ADD COLUMN why text NOT NULL", /"why".* was not there/],
    ["ALTER TABLE limits ADD CHECK (amount > 7)", /amount > 7.* was not there/],
    ["CREATE UNIQUE INDEX ON limits (amount)", /UNIQUE.* was not there/],
    ["REVOKE INSERT ON limits FROM tollhouse_app", /"may":"INSERT".* is gone/],
    ["ALTER TABLE limits RENAME TO budgets", /limits\.sql: takes or answers something else/],
    ["DROP FUNCTION node_lease() CASCADE", /node_lease.* is gone/],
  ])("planted: %s is found", async (change, expected) => {
    const before = await readSchema();
    expect(broken(before, await readSchema(change)).join("\n")).toMatch(expected);
  });
});
