/** Where the shared counters are, as REDIS_URL says it. */
export interface RedisPlace {
  readonly kind: "single" | "cluster";
  readonly addresses: readonly Address[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Only of a single server. */
  readonly database: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const PORT = 6379;

/**
 * `redis://user:password@host:6379/2` is one server, several are nodes of one cluster; `rediss://` goes over TLS. User and password are
 * those of the first. Throws RangeError that says what was expected; never with the URL, which has a password in it.
 */
export function readRedisUrls(urls: readonly string[]): RedisPlace {
  const [first, ...others] = urls.map(parse);
  if (first === undefined) throw new RangeError("expected a URL such as redis://host:6379");
  if (others.some((other) => other.protocol !== first.protocol))
    throw new RangeError("expected the same protocol in all URLs");
  const path = first.pathname.replace(/^\//, "");
  const database = path === "" ? 0 : Number(path);
  if (!Number.isInteger(database) || database < 0 || (others.length > 0 && database !== 0))
    throw new RangeError("expected the number of a database after the port, and none for a cluster");
  return {
    kind: others.length > 0 ? "cluster" : "single",
    addresses: [first, ...others].map((url) => ({
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? PORT : Number(url.port),
    })),
    tls: first.protocol === "rediss:",
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    database,
  };
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "")
    throw new RangeError("expected redis:// or rediss:// and a host");
  return url;
}
