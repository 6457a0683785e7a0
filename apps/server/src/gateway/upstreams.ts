import { Pool } from "undici";
import type { Dialect } from "@tollhouse/contract";
import { anthropic, gemini, openai, type ProviderAdapter } from "@tollhouse/providers";

/** A configured provider: where it is, what it speaks, and the credential that is installed for it. */
export interface UpstreamSettings {
  readonly name: string;
  readonly dialect: Dialect;
  /** As the provider's own client takes it (OpenAI's ends in `/v1`). */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  /** Header the credential goes in. */
  readonly auth: "bearer" | "api-key" | "x-api-key" | "x-goog-api-key" | "none";
  readonly headersTimeoutMs: number;
  readonly chunkTimeoutMs: number;
}

/** The header that a credential goes upstream in. */
export type Credential = readonly [name: string, value: string];

export interface Upstream {
  readonly name: string;
  /** Scheme, host and port: what a tenant's own provider key is bound to. */
  readonly origin: string;
  readonly adapter: ProviderAdapter;
  /** Path prefix of the base URL, without a slash at its end. */
  readonly basePath: string;
  /**
   * Shared by all tenants. Nothing on a connection says whose it is: HTTP/1.1 without client certificates, one request at a time, the
   * credential in each request's own headers.
   */
  readonly pool: Pool;
  /** The one that is installed. */
  readonly credential: Credential | null;
  /** Wraps a tenant's or a client's own. */
  credentialOf(own: string): Credential;
  readonly needsCredential: boolean;
  /** Learned: this host answered 400 to `stream_options`, so that it is not asked for usage any more. */
  refusesStreamOptions: boolean;
}

const ADAPTERS: { readonly [D in Dialect]: ProviderAdapter } = { openai, anthropic, gemini };

export function createUpstream(settings: UpstreamSettings): Upstream {
  const url = new URL(settings.baseUrl);
  const wrap = (value: string): Credential =>
    settings.auth === "bearer" || settings.auth === "none"
      ? ["authorization", `Bearer ${value}`]
      : [settings.auth, value];
  return {
    name: settings.name,
    origin: url.origin,
    adapter: ADAPTERS[settings.dialect],
    basePath: url.pathname.replace(/\/+$/, ""),
    pool: new Pool(url.origin, {
      // As many connections as calls in flight: a queue here would be a wait that nobody decided.
      connections: null,
      pipelining: 1,
      // Below the idle time-outs of the providers: a request sent on a socket they are closing has an unknown outcome.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 30_000,
      headersTimeout: settings.headersTimeoutMs,
      bodyTimeout: settings.chunkTimeoutMs,
      connect: { timeout: 10_000 },
    }),
    credential: settings.apiKey === null ? null : wrap(settings.apiKey),
    credentialOf: wrap,
    needsCredential: settings.auth !== "none",
    refusesStreamOptions: false,
  };
}

/** Where a request goes: found from the path alone, before the body is read. */
export interface Target {
  readonly upstream: Upstream;
  /** Path below the dialect's own prefix, with what of the query is not ours. */
  readonly path: string;
}

/** Maps the path of a request to a configured provider; null where the path is none of the gateway's. */
export function createTargetFinder(upstreams: ReadonlyMap<string, Upstream>): (url: string) => Target | null {
  const byName = (name: string, path: string): Target | null => {
    const upstream = upstreams.get(name);
    return upstream === undefined ? null : { upstream, path: withoutOurs(path) };
  };
  return (url) => {
    if (url.startsWith("/v1/")) {
      if (url.startsWith("/v1/messages")) return byName("anthropic", url);
      // OpenAI's fine-tuned models have colons in their names too.
      if (url.startsWith("/v1/models/") && gemini.route(url) !== null) return byName("gemini", url);
      return byName("openai", url);
    }
    if (url.startsWith("/v1beta/")) return byName("gemini", url);
    const slash = url.indexOf("/", 1);
    if (slash === -1) return null;
    return byName(url.slice(1, slash), url.slice(slash));
  };
}

/**
 * Query parameters that do not go on. `session_id` and `key` speak to Tollhouse (identify.ts): the session is no provider's business,
 * and a key of ours must never reach one. The others would put another credential, or another payer, beside the one that was chosen:
 * Google's system parameters (https://cloud.google.com/apis/docs/system-parameters), and Azure API Management's.
 */
const OURS: ReadonlySet<string> = new Set([
  "session_id",
  "key",
  "$key",
  "access_token",
  "$access_token",
  "oauth_token",
  "$oauth_token",
  "api_key",
  "api-key",
  "subscription-key",
  "userproject",
  "$userproject",
  "quotauser",
  "$quotauser",
]);

function withoutOurs(path: string): string {
  const mark = path.indexOf("?");
  if (mark === -1) return path;
  const pairs = path.slice(mark + 1).split("&");
  // Read as identify reads them, percent-encoded names included.
  const kept = pairs.filter(
    (pair) => ![...new URLSearchParams(pair).keys()].some((name) => OURS.has(name.toLowerCase())),
  );
  return kept.length === 0 ? path.slice(0, mark) : `${path.slice(0, mark)}?${kept.join("&")}`;
}
