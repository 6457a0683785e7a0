import { Pool, type PoolClient, type QueryConfig, type QueryResultRow } from "pg";
import { isSilent } from "./database-unavailable.ts";
import { withBinaryArrays } from "./binary-arrays.ts";
import { copyOut, type CopiedRow } from "./copy-out.ts";
import { assertDurable } from "./durability.ts";
import { connectionUrl, poolConfig, type PoolOptions, type SocketConnection } from "./pool.ts";
import { rolesRefused, TENANT_ROLE } from "./roles.ts";
import { inSession, inTenant, type Session } from "./session.ts";
import { statementName } from "./sql.ts";
import { StartRefused } from "./start-refused.ts";

/** Rows of a statement, and how many it returned, inserted, changed or deleted. */
export interface QueryAnswer<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
}

/** Something that runs one statement: the database (any connection, its own transaction), or a transaction. */
export interface Queryable {
  /**
   * One statement with `$1 …` parameters. `int8` and `int8[]` come back as bigint, `numeric` as text, `bytea` as Buffer,
   * `timestamptz` as Date (milliseconds: store microseconds as `int8` where they matter). bigint parameters may be given as they are.
   */
  query<Row = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<QueryAnswer<Row>>;
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction (read committed): committed when it resolves, rolled back when it throws. When this
   * resolves, the rows are durable. When it throws, they are not there, unless the connection broke during COMMIT: then either
   * is possible, and what was written must be idempotent to be tried again. Statements are carried out in the order in which they were
   * asked; each one's answer must be awaited before `work` resolves, not before the next is asked.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
}

/** One moment of the database, in which nothing can be written. */
export interface Snapshot extends Queryable {
  /** By which another connection can look at the same moment, for as long as this one does. */
  name(): Promise<string>;
  /** The rows of a statement without parameters, as PostgreSQL's own bytes: see `copyOut`. Nothing else may be asked meanwhile. */
  copyOut(statement: string, row: CopiedRow): Promise<void>;
}

/** Whoever opened it closes it; those who only ask are given a Database. */
export interface OpenDatabase extends Database {
  /** For tools that take a URL (pg-boss). Contains the password, if there is one. */
  readonly url: string;
  /** For what needs a connection of its own (LISTEN, COPY). Release what you take. */
  readonly pool: Pool;
  /**
   * Runs `work` on what is committed at this moment, however long it takes and whatever others write meanwhile. `named`: at the moment of
   * another connection's snapshot, which must not have ended.
   */
  snapshot<T>(work: (at: Snapshot) => Promise<T>, named?: string): Promise<T>;
  close(): Promise<void>;
}

/** Every tenant's view of one database: nothing that is asked or written through it reaches another tenant's rows. */
export interface TenantDatabases {
  /** `tenant`: 32 hex digits. */
  readonly of: (tenant: string) => Database;
  /** Questions that wait for a connection, of all tenants; WAITERS_MAX at most. */
  waiting(): number;
  close(): Promise<void>;
}

export type DatabaseTarget =
  | { readonly embedded: { readonly connection: SocketConnection } }
  | { readonly url: string };

export interface DatabaseOptions extends PoolOptions {
  /** Told of connections that broke while idle; the pool has dropped them already. */
  readonly log?: (line: string) => void;
  /**
   * Prepare the statements of `sql/` once a connection (default: parsed and planned at each use). For whoever runs the same few
   * again and again, and only where one plan is good whatever the values: PostgreSQL stops looking at them after five uses.
   */
  readonly prepared?: boolean;
}

/**
 * Opens a pool on the embedded server or on `DATABASE_URL`, after asking the server whether what it acknowledges is durable.
 * Throws StartRefused: DATABASE_UNREACHABLE, DATABASE_TOO_OLD, DATABASE_NOT_DURABLE.
 */
export async function openDatabase(target: DatabaseTarget, options: DatabaseOptions = {}): Promise<OpenDatabase> {
  const connection = "url" in target ? target : target.embedded.connection;
  const pool = await openPool(target, options);
  return databaseOn(
    pool,
    "url" in connection ? connection.url : connectionUrl(connection),
    inSession(pool),
    options.prepared === true,
  );
}

/**
 * The same for tenants: connections act as the role that owns nothing and is held to one tenant's rows by PostgreSQL itself
 * (migrations/0013). Beside what `openDatabase` throws: DATABASE_ROLES_MISSING.
 */
export async function openTenantDatabases(
  target: DatabaseTarget,
  options: Omit<DatabaseOptions, "role"> = {},
): Promise<TenantDatabases> {
  const pool = await openPool(target, { ...options, role: TENANT_ROLE });
  const known = new Map<string, Database>();
  return {
    of(tenant) {
      let database = known.get(tenant);
      if (database === undefined) known.set(tenant, (database = askedIn(inTenant(pool, tenant), false)));
      return database;
    },
    waiting: () => pool.waitingCount,
    close: () => pool.end(),
  };
}

async function openPool(target: DatabaseTarget, options: DatabaseOptions): Promise<Pool> {
  const connection = "url" in target ? target : target.embedded.connection;
  const pool = new Pool(poolConfig(connection, options));
  // Without a listener, a connection that breaks while idle would end the process.
  pool.on("error", (error) => options.log?.(`database: an idle connection was lost (${error.message})`));
  const database = askedIn(inSession(pool), false);
  try {
    await reach(database, options.role);
    await assertDurable(database);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return pool;
}

async function reach(database: Queryable, role: string | undefined): Promise<void> {
  try {
    const { rows } = await database.query<{ role: string }>("SELECT current_user AS role");
    // Whatever a URL's own options or a pooler in between make of ours: rows of others are one role away.
    if (role !== undefined && rows[0]?.role !== role) throw new Error(`expected to act as ${role}`);
  } catch (cause) {
    const refused = role === undefined ? null : rolesRefused(cause);
    if (refused !== null) throw refused;
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new StartRefused("DATABASE_UNREACHABLE", `the database cannot be reached: ${reason}`, cause);
  }
}

function databaseOn(pool: Pool, url: string, session: Session, prepared: boolean): OpenDatabase {
  let closing: Promise<void> | undefined;
  return {
    url,
    pool,
    ...askedIn(session, prepared),
    snapshot: async (work, named) =>
      inTransaction(session, prepared, snapshotBegun(named), (tx, client) =>
        work({
          ...tx,
          name: () => snapshotName(tx),
          copyOut: (statement, row) => copyOut(client, statement, row),
        }),
      ),
    close: () => (closing ??= pool.end()),
  };
}

function askedIn(session: Session, prepared: boolean): Database {
  return {
    query: (text, values) => askOnce(session, prepared, text, values),
    transaction: (work) => inTransaction(session, prepared, "BEGIN", work),
  };
}

/** After an error its connection is left: the server may have ended it with these very words. */
function askOnce<Row>(
  session: Session,
  prepared: boolean,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<QueryAnswer<Row>> {
  return session((client, broken) =>
    ask<Row>(client, prepared, text, values).catch((error: Error) => {
      broken(error);
      throw error;
    }),
  );
}

async function ask<Row>(
  on: PoolClient,
  prepared: boolean,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<QueryAnswer<Row>> {
  // Without values pg uses the simple protocol, which is what lets a migration file hold several statements.
  const answer = values === undefined ? await on.query(text) : await on.query(named(prepared, text, values));
  return { rows: answer.rows as Row[], rowCount: answer.rowCount ?? 0 };
}

function named(prepared: boolean, text: string, values: readonly unknown[]): QueryConfig {
  const name = prepared ? statementName(text) : undefined;
  const sent = withBinaryArrays(text, values);
  return name === undefined ? { text, values: sent } : { name, text, values: sent };
}

const SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const SNAPSHOT_NAME = /^[0-9A-F-]+$/;

/** A snapshot is named before anything else is asked, in a statement that takes no parameters. */
function snapshotBegun(name: string | undefined): string {
  if (name === undefined) return SNAPSHOT;
  if (!SNAPSHOT_NAME.test(name)) throw new Error(`expected the name of a snapshot, got "${name}"`);
  return `${SNAPSHOT}; SET TRANSACTION SNAPSHOT '${name}'`;
}

async function snapshotName(tx: Queryable): Promise<string> {
  const { rows } = await tx.query<{ name: string }>("SELECT pg_export_snapshot() AS name");
  return rows[0]?.name ?? "";
}

async function inTransaction<T>(
  session: Session,
  prepared: boolean,
  begin: string,
  work: (tx: Queryable, client: PoolClient) => Promise<T>,
): Promise<T> {
  return session(async (client, broken) => {
    try {
      await client.query(begin);
      const result = await work(statementsOf(client, prepared), client);
      await commit(client);
      return result;
    } catch (error) {
      // It would wait behind the statement that is not answered, as long again.
      if (!isSilent(error)) await client.query("ROLLBACK").catch(broken);
      throw error;
    }
  });
}

/** One statement after the other, in the order in which they were asked, whether or not the answers are waited for. */
function statementsOf(client: PoolClient, prepared: boolean): Queryable {
  if (client.pipeline) return { query: (text, values) => ask(client, prepared, text, values) };
  let last: Promise<unknown> = Promise.resolve();
  return {
    query<Row>(text: string, values?: readonly unknown[]) {
      const answer = last.then(() => ask<Row>(client, prepared, text, values));
      last = answer.catch(() => undefined);
      return answer;
    },
  };
}

/** COMMIT of a failed transaction answers ROLLBACK and no error: a caller who swallowed a statement's error must not believe it. */
async function commit(client: PoolClient): Promise<void> {
  const answer = await client.query("COMMIT");
  if (answer.command !== "COMMIT")
    throw new Error("the transaction had failed, and was rolled back instead of committed");
}
