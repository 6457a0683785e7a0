import { Socket } from "node:net";
import { types, type PoolConfig } from "pg";
import { readingSocket } from "./reading-socket.ts";
import { StartRefused } from "./start-refused.ts";

/** How to reach a running embedded server: a Unix socket folder, never TCP. */
export interface SocketConnection {
  /** Folder of the socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

const INT8 = 20;
const INT8_ARRAY = 1016;

function parseBigInts(text: string): (bigint | null)[] {
  if (text === "{}") return [];
  return text
    .slice(1, -1)
    .split(",")
    .map((item) => (item === "NULL" ? null : BigInt(item)));
}

/**
 * Money is `int8`. pg's default reads it as text, and its global `setTypeParser` would change every other user of pg in
 * this process (pg-boss counts on the default), so the parsers are given to our pools only.
 */
const PARSERS: NonNullable<PoolConfig["types"]> = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (format !== "binary" && oid === INT8) return (text: string): bigint => BigInt(text);
    if (format !== "binary" && oid === INT8_ARRAY) return parseBigInts;
    return format === "binary" ? types.getTypeParser(oid, "binary") : types.getTypeParser(oid, "text");
  },
};

export interface PoolOptions {
  /** Most connections at once; default 10. The embedded server takes 120 in all. */
  readonly connectionsMax?: number;
  /** Shown in pg_stat_activity; default `tollhouse`. */
  readonly applicationName?: string;
  /** Connections act as this role (`SET ROLE`), so that the application owns nothing. Default: as the one that connects. */
  readonly role?: string;
  /** A statement that runs longer is cancelled by the server; default none. */
  readonly statementTimeoutMs?: number;
  /** Connections are for `copyOut` above all: what they read goes through one buffer each. Not over TLS. */
  readonly isForRows?: boolean;
  /** A server that says nothing for so long (it is stopped, or the network swallows it) counts as away; default: it is waited for. */
  readonly answerTimeoutMs?: number;
  /** Statements go out before those asked earlier are answered: for one connection with much to write. Default: one at a time. */
  readonly pipelined?: boolean;
}

const ROLE = /^[a-z_][a-z0-9_]*$/;

/** Configuration of one of our pools. Throws StartRefused for a `DATABASE_URL` that is none. */
export function poolConfig(connection: SocketConnection | { readonly url: string }, options: PoolOptions): PoolConfig {
  if (options.role !== undefined && !ROLE.test(options.role)) {
    throw new Error(`role: expected a lower-case SQL name, got "${options.role}"`);
  }
  const { url, own } = "url" in connection ? withoutOptions(checkedUrl(connection.url)) : { url: null, own: "" };
  const asked = options.role === undefined ? own : `${own} -c role=${options.role}`.trim();
  return {
    ...("url" in connection ? { connectionString: url as string } : { ...connection }),
    types: PARSERS,
    max: options.connectionsMax ?? 10,
    application_name: options.applicationName ?? "tollhouse",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    pipeline: options.pipelined === true,
    ...(asked !== "" && { options: asked }),
    ...(options.isForRows === true && { stream: socketForRows }),
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
    ...(options.answerTimeoutMs === undefined ? {} : { query_timeout: options.answerTimeoutMs }),
  };
}

/** TLS takes what it reads from under its socket. pg tells of a configuration that its types leave out. */
function socketForRows(config?: { readonly ssl?: unknown }): Socket {
  return config?.ssl ? new Socket() : readingSocket();
}

function checkedUrl(url: string): string {
  // The URL carries a password: the message must not repeat it.
  if (/^postgres(?:ql)?:\/\//.test(url)) return url;
  throw new StartRefused(
    "DATABASE_UNREACHABLE",
    "DATABASE_URL: expected postgresql://user:password@host:port/database",
  );
}

/** pg prefers the options of a URL to those beside it, which would leave out our role: they are joined instead. */
function withoutOptions(text: string): { readonly url: string; readonly own: string } {
  if (!/[?&]options=/.test(text)) return { url: text, own: "" };
  const url = new URL(text);
  const own = url.searchParams.get("options") ?? "";
  url.searchParams.delete("options");
  return { url: url.href, own };
}

/** The same connection as a URL, for tools and child processes that take one. */
export function connectionUrl(connection: SocketConnection): string {
  const { host, port, user, database } = connection;
  return `postgresql://${encodeURIComponent(user)}@localhost:${port}/${encodeURIComponent(database)}?host=${encodeURIComponent(host)}`;
}
