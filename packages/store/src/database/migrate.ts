import type { Database, Queryable } from "./database.ts";
import { readMigrations, type Migration } from "./migration-files.ts";
import { rolesRefused } from "./roles.ts";
import { StartRefused } from "./start-refused.ts";

/** Any constant, the same for every Tollhouse: the first eight bytes of SHA-256("tollhouse/migrate"). */
const LOCK = "6106956412619026104";

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly expand: boolean;
}

export interface MigrateOptions {
  /** Folder of the files; default: the store's own. Ends in a slash. */
  readonly folder?: URL;
}

/**
 * Brings the schema to this release's, forwards only. Each file is one transaction together with its row in
 * `schema_migrations`: a start killed midway goes on from the last whole file. Concurrent starters wait for each other. The
 * lock is taken per transaction, not per session, so that it also holds through a connection pooler.
 *
 * A database that a newer release has migrated by files that only add (`-- expand`) is taken as it is, so that processes of the
 * release before run on while theirs are replaced one by one.
 *
 * Returns the names applied now. Throws StartRefused SCHEMA_MISMATCH when a newer release has changed what we use, or the database was
 * migrated by files that differ from ours, nothing is changed then; DATABASE_ROLES_MISSING when its user may not make the roles.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<readonly string[]> {
  const files = await readMigrations(options.folder);
  const done: string[] = [];
  for (;;) {
    const name = await database.transaction((tx) => applyNext(tx, files));
    if (name === null) return done;
    done.push(name);
  }
}

async function applyNext(tx: Queryable, files: readonly Migration[]): Promise<string | null> {
  // Waiting for another starter, or building an index on a large ledger, may take longer than any statement may at run time.
  await tx.query("SET LOCAL statement_timeout = 0");
  await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
  await tx.query(
    `CREATE TABLE IF NOT EXISTS schema_migrations (
       version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  // Of releases that did not mark their files nothing is known: such a file is one that changes.
  await tx.query("ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS expand boolean NOT NULL DEFAULT false");
  const { rows } = await tx.query<AppliedMigration>(
    "SELECT version, name, checksum, expand FROM schema_migrations ORDER BY version",
  );
  const next = nextMigration(files, rows);
  if (next === null) return null;
  await run(tx, next);
  await tx.query("INSERT INTO schema_migrations (version, name, checksum, expand) VALUES ($1, $2, $3, $4)", [
    next.version,
    next.name,
    next.checksum,
    next.expand,
  ]);
  return next.name;
}

async function run(tx: Queryable, migration: Migration): Promise<void> {
  try {
    await tx.query(migration.text);
  } catch (cause) {
    const refused = rolesRefused(cause);
    if (refused !== null) throw refused;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`migration ${migration.name} failed and was rolled back: ${reason}`, { cause });
  }
}

/** The first file not applied yet, or null. Throws where what was applied is not what the files say. */
function nextMigration(files: readonly Migration[], applied: readonly AppliedMigration[]): Migration | null {
  const newest = files.at(-1)?.version ?? 0;
  for (const row of applied) {
    const file = files.find((candidate) => candidate.version === row.version);
    if (file === undefined) {
      if (row.version > newest && row.expand) continue;
      throw refuse(row.version > newest ? newer(row) : missing(row));
    }
    if (file.checksum !== row.checksum) throw refuse(changed(row, file));
  }
  const last = applied.at(-1)?.version ?? 0;
  const next = files.find((file) => !applied.some((row) => row.version === file.version));
  if (next === undefined) return null;
  if (next.version < last)
    throw refuse(`migration ${next.name} comes before number ${last}, which was applied already`);
  return next;
}

function refuse(reason: string): StartRefused {
  return new StartRefused("SCHEMA_MISMATCH", reason);
}

function newer(row: AppliedMigration): string {
  return `the database was migrated by a newer Tollhouse, which changed what this one uses (${row.name}); start that release or a later one`;
}

function missing(row: AppliedMigration): string {
  return `migration ${row.name} was applied to the database, but this release does not have its file`;
}

function changed(row: AppliedMigration, file: Migration): string {
  return `migration ${file.name} differs from the file that was applied to the database (${row.name}, checksum ${row.checksum.slice(0, 12)}, now ${file.checksum.slice(0, 12)})`;
}
