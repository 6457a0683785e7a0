import { Pool, type PoolClient, type QueryConfig, type QueryResultRow } from "pg";
import { assertDurable } from "./durability.ts";
import { connectionUrl, poolConfig, type PoolOptions, type SocketConnection } from "./pool.ts";
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
  /** For tools that take a URL (pg-boss). Contains the password, if there is one. */
  readonly url: string;
  /** For what needs a connection of its own (LISTEN, COPY). Release what you take. */
  readonly pool: Pool;
  /**
   * Runs `work` in one transaction (read committed): committed when it resolves, rolled back when it throws. When this
   * resolves, the rows are durable. When it throws, they are not there, unless the connection broke during COMMIT: then either
   * is possible, and what was written must be idempotent to be tried again.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
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
export async function openDatabase(target: DatabaseTarget, options: DatabaseOptions = {}): Promise<Database> {
  const connection = "url" in target ? target : target.embedded.connection;
  const pool = new Pool(poolConfig(connection, options));
  // Without a listener, a connection that breaks while idle would end the process.
  pool.on("error", (error) => options.log?.(`database: an idle connection was lost (${error.message})`));
  const url = "url" in connection ? connection.url : connectionUrl(connection);
  const database = databaseOn(pool, url, options.prepared === true);
  try {
    await reach(database);
    await assertDurable(database);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return database;
}

async function reach(database: Queryable): Promise<void> {
  try {
    await database.query("SELECT 1");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new StartRefused("DATABASE_UNREACHABLE", `the database cannot be reached: ${reason}`, cause);
  }
}

function databaseOn(pool: Pool, url: string, prepared: boolean): Database {
  let closing: Promise<void> | undefined;
  return {
    url,
    pool,
    query: (text, values) => ask(pool, prepared, text, values),
    transaction: (work) => inTransaction(pool, prepared, work),
    close: () => (closing ??= pool.end()),
  };
}

async function ask<Row>(
  on: Pool | PoolClient,
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
  return name === undefined ? { text, values: [...values] } : { name, text, values: [...values] };
}

async function inTransaction<T>(pool: Pool, prepared: boolean, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A checked-out client reports its broken connection as an event too; unheard, it would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query("BEGIN");
    const result = await work({ query: (text, values) => ask(client, prepared, text, values) });
    await commit(client);
    return result;
  } catch (error) {
    broken ??= await rollBack(client);
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** COMMIT of a failed transaction answers ROLLBACK and no error: a caller who swallowed a statement's error must not believe it. */
async function commit(client: PoolClient): Promise<void> {
  const answer = await client.query("COMMIT");
  if (answer.command !== "COMMIT")
    throw new Error("the transaction had failed, and was rolled back instead of committed");
}

async function rollBack(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query("ROLLBACK");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
