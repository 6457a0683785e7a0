import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { CODES, type ReasonCode } from "@tollhouse/contract";
import type { ProviderAdapter } from "@tollhouse/providers";
import { randomUUIDv7 } from "node:crypto";
import { handleCall } from "./gateway/call.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { isLoopbackHost } from "./gateway/identify.ts";
import { buildRefusal, sendRefusal } from "./gateway/refusal.ts";
import type { Target } from "./gateway/upstreams.ts";
import { BELOW_DASHBOARD } from "./process/pages.ts";
import { readTarget } from "./request-target.ts";

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface ListenerParts {
  readonly gateway: Gateway;
  readonly findTarget: (url: string) => Target | null;
  /** `/api/…` */
  readonly control: Handler;
  /** `/health`, `/ready`, `/metrics`, `/`, `/api/openapi.json`: by exact path; and `/dashboard/` for all below it. */
  readonly pages: ReadonlyMap<string, Handler>;
  /** Why this process takes no calls, told to whoever makes one. Absent: it takes them. */
  readonly noCalls?: string | undefined;
  /** `/sdk/…`, `/evaluate`, `/usage`: by exact path. They identify their callers themselves. */
  readonly sdk?: ReadonlyMap<string, Handler>;
  /** The dialect a refusal is told in where the path names no provider. */
  readonly fallback: ProviderAdapter;
  /** More than these at once are closed as they come. Absent: any number. */
  readonly connectionsMax?: number;
}

/** One port for everything: each request goes to exactly one of gateway, control API and pages, by its path alone. */
export function createListener(parts: ListenerParts): Server {
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      // A whole request, body included. Answers may take as long as the provider needs.
      requestTimeout: parts.gateway.settings.bodyTimeoutMs,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 5_000,
      noDelay: true,
    },
    (req, res) => serve(parts, req, res),
  );
  server.maxRequestsPerSocket = 0;
  if (parts.connectionsMax !== undefined) server.maxConnections = parts.connectionsMax;
  return server;
}

function serve(parts: ListenerParts, req: IncomingMessage, res: ServerResponse): void {
  const asked = readTarget(req.url as string);
  if (asked === null)
    return refuse(parts.fallback, res, "REQUEST_INVALID", "The request target names no host, or a user");
  // The Host header is checked beside it, below and in identify: of two names for one host, neither may be another site's.
  if (parts.gateway.identity.auth === "open" && asked.authority !== null && !isLoopbackHost(asked.authority))
    return refuse(parts.fallback, res, "HOST_NOT_ALLOWED", "Without keys, only a loopback host name is served");
  const { url } = asked;
  // Whatever serves it reads the same.
  req.url = url;
  const path = pathOf(url);
  const read = parts.pages.get(path.startsWith(BELOW_DASHBOARD) ? BELOW_DASHBOARD : path);
  const page = read ?? (url.startsWith("/api/") ? parts.control : undefined);
  if (page !== undefined) {
    // Another site's page could read them by a name that resolves to this machine. Calls are checked when they are identified.
    if (parts.gateway.identity.auth === "open" && !isLoopbackHost(req.headers.host ?? ""))
      return refuse(parts.fallback, res, "HOST_NOT_ALLOWED", "Without keys, only a loopback host name is served");
    if (read !== undefined && req.method !== "GET" && req.method !== "HEAD")
      return refuse(parts.fallback, res, "METHOD_NOT_ALLOWED", `${pathOf(url)} takes GET`);
    return page(req, res);
  }
  const target = parts.findTarget(url);
  const sdk = target === null ? parts.sdk?.get(pathOf(url)) : undefined;
  const adapter = target?.upstream.adapter ?? parts.fallback;
  if (parts.noCalls !== undefined && (target !== null || sdk !== undefined))
    return refuse(adapter, res, "ENDPOINT_UNKNOWN", parts.noCalls);
  if (sdk !== undefined) return sdk(req, res);
  if (target === null) return refuse(adapter, res, "ENDPOINT_UNKNOWN", `No endpoint at ${pathOf(url)}`);
  const route = adapter.route(target.path);
  if (route === null) return refuse(adapter, res, "ENDPOINT_UNKNOWN", `No endpoint at ${pathOf(url)}`);
  if (req.method !== route.method)
    return refuse(adapter, res, "METHOD_NOT_ALLOWED", `${pathOf(url)} takes ${route.method}`);
  handleCall(parts.gateway, target, route, req, res).catch((error: unknown) => {
    // A client that went away while it was sending is no bug, and there is nobody to answer.
    if (req.destroyed && !req.complete) return;
    parts.gateway.failed(error);
    if (res.headersSent) res.destroy();
    else refuse(adapter, res, "INTERNAL", "Tollhouse failed; the call was not made");
  });
}

function pathOf(url: string): string {
  const question = url.indexOf("?");
  return question === -1 ? url : url.slice(0, question);
}

/** Refuses a request that is no call (no endpoint, wrong method): answered, not recorded. */
function refuse(adapter: ProviderAdapter, res: ServerResponse, code: ReasonCode, message: string): void {
  const decision = randomUUIDv7().replaceAll("-", "");
  if (!res.req.complete) res.setHeader("connection", "close");
  if (code in CODES) sendRefusal(res, adapter, buildRefusal({ code, decision, message }), decision);
}
