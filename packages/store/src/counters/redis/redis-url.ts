/** Where the shared counters are, as REDIS_URL says it. */
export interface RedisPlace {
  readonly kind: "single" | "cluster" | "sentinel";
  /** Of the server, of nodes of the cluster, or of the Sentinels. */
  readonly addresses: readonly Address[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Not of a cluster, which has but one. */
  readonly database: number;
  /** How Sentinels are asked for the master; null: there are none. */
  readonly sentinel: {
    readonly master: string;
    readonly username: string | undefined;
    readonly password: string | undefined;
  } | null;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const PORT = 6379;
const SENTINEL_PORT = 26_379;
const PROTOCOLS = ["redis:", "rediss:", "redis+sentinel:", "rediss+sentinel:"];
const OF_SENTINEL = ["sentinel_username", "sentinel_password"];

/**
 * `redis://user:password@host:6379/2` is one server, several are nodes of one cluster; `redis+sentinel://user:password@host:26379/name/2`
 * is a Sentinel that knows the master of this name, several are Sentinels of the same. `rediss…` goes over TLS. User and password are the
 * server's, and those of the first URL; what Sentinels ask for is in its query, as `sentinel_username` and `sentinel_password`. Throws
 * RangeError that says what was expected; never with the URL, which has a password in it.
 */
export function readRedisUrls(urls: readonly string[]): RedisPlace {
  const [first, ...others] = urls.map(parse);
  if (first === undefined) throw new RangeError("expected a URL such as redis://host:6379");
  if (others.some((other) => other.protocol !== first.protocol))
    throw new RangeError("expected the same protocol in all URLs");
  const ofSentinel = first.protocol.includes("sentinel");
  const kind = ofSentinel ? "sentinel" : others.length > 0 ? "cluster" : "single";
  const query = queryOf(first, ofSentinel);
  return {
    kind,
    addresses: [first, ...others].map((url) => ({
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? (ofSentinel ? SENTINEL_PORT : PORT) : Number(url.port),
    })),
    tls: first.protocol.startsWith("rediss"),
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    ...(ofSentinel
      ? ofMaster([first, ...others], query)
      : { database: databaseOf(first.pathname.slice(1), kind), sentinel: null }),
  };
}

function ofMaster(urls: readonly URL[], query: URLSearchParams): Pick<RedisPlace, "database" | "sentinel"> {
  const [named, ...rest] = urls.map(({ pathname }) => /^\/([\w.-]+)(?:\/(.*))?$/.exec(pathname));
  const master = named?.[1];
  if (named === undefined || named === null || master === undefined || rest.some((other) => other?.[1] !== master))
    throw new RangeError("expected the name of the master after the port, the same in all URLs");
  const [username, password] = OF_SENTINEL.map((name) => query.get(name) ?? undefined);
  return { database: databaseOf(named[2] ?? "", "sentinel"), sentinel: { master, username, password } };
}

function databaseOf(text: string, kind: RedisPlace["kind"]): number {
  const database = text === "" ? 0 : Number(text);
  if (!Number.isInteger(database) || database < 0 || (kind === "cluster" && database !== 0))
    throw new RangeError("expected the number of a database after the port, and none for a cluster");
  return database;
}

function queryOf(url: URL, ofSentinel: boolean): URLSearchParams {
  const known = ofSentinel ? OF_SENTINEL : [];
  if ([...url.searchParams.keys()].some((name) => !known.includes(name)))
    throw new RangeError(
      ofSentinel ? `expected no parameters but ${known.join(", ")}` : "expected no parameters after a question mark",
    );
  return url.searchParams;
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !PROTOCOLS.includes(url.protocol) || url.hostname === "")
    throw new RangeError("expected redis:// or rediss:// and a host");
  return url;
}
