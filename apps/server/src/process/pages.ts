import type { IncomingMessage, ServerResponse } from "node:http";

export interface PageParts {
  readonly version: string;
  /** What the node waits for before it takes calls; empty = ready. */
  waitingFor(): readonly string[];
  /** Prometheus text. */
  metrics(): Promise<string>;
  readonly metricsType: string;
  /** May whoever sends this see sums over all tenants? Absent = anybody. */
  readonly mayReadMetrics?: (authorization: string | undefined) => boolean;
  readonly address: () => string;
  /** The description of the control API: the same bytes in every installation of this version. */
  readonly openApi: () => string;
  /** `/dashboard` and what is below it. Absent or null: it was not built, and a page says how to point a client here. */
  readonly dashboard?: Page | null;
}

const METRICS_REFUSED = "With several tenants, the metrics are the admin's: send Authorization: Bearer <admin key>\n";

type Page = (req: IncomingMessage, res: ServerResponse) => void;

/** The one page whose path stands for all that begin with it. */
export const BELOW_DASHBOARD = "/dashboard/";

/**
 * `/health`, `/ready`, `/metrics`, `/api/openapi.json` and the page at `/`: no key, nothing secret, nothing about any tenant's spend but
 * sums. The description is public because it is (packages/contract/openapi.json), and tools fetch it without headers; it is served here
 * so that the control API keeps its rule: no route of it answers without a key.
 */
export function createPages(parts: PageParts): ReadonlyMap<string, Page> {
  const welcome: Page = (_req, res) => send(res, 200, "text/html; charset=utf-8", welcomePage(parts.address()));
  const dashboard = parts.dashboard ?? welcome;
  return new Map<string, Page>([
    ["/health", (_req, res) => sendJson(res, 200, { status: "ok", version: parts.version })],
    [
      "/ready",
      (_req, res) => {
        const waiting = parts.waitingFor();
        sendJson(res, waiting.length === 0 ? 200 : 503, { ready: waiting.length === 0, waiting_for: waiting });
      },
    ],
    [
      "/metrics",
      (req, res) => {
        if (parts.mayReadMetrics?.(req.headers.authorization) === false) return sendText(res, 401, METRICS_REFUSED);
        parts.metrics().then(
          (text) => send(res, 200, parts.metricsType, text),
          () => sendText(res, 500, "the metrics cannot be collected\n"),
        );
      },
    ],
    ["/api/openapi.json", (_req, res) => send(res, 200, "application/json; charset=utf-8", parts.openApi())],
    ["/", dashboard === welcome ? welcome : toDashboard],
    ["/dashboard", dashboard],
    [BELOW_DASHBOARD, dashboard],
  ]);
}

function toDashboard(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(302, { location: "/dashboard", "cache-control": "no-store", "content-length": 0 });
  res.end();
}

function sendText(res: ServerResponse, status: number, text: string): void {
  send(res, status, "text/plain", text);
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  send(res, status, "application/json; charset=utf-8", JSON.stringify(body));
}

function send(res: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  res.writeHead(status, { "content-type": type, "content-length": body.length, "cache-control": "no-store" });
  res.end(res.req.method === "HEAD" ? undefined : body);
}

function welcomePage(address: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tollhouse</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1rem}code,pre{font:14px ui-monospace,monospace}pre{overflow:auto;padding:1rem;border:1px solid #8884;border-radius:6px}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}</style>
<h1>Tollhouse is running</h1><p>Point a client at it by its base URL:</p>
<pre>OPENAI_BASE_URL=${address}/v1
ANTHROPIC_BASE_URL=${address}
GOOGLE_GEMINI_BASE_URL=${address}</pre>
<p>Then look at <code>GET /api/v1/usage</code>, <code>GET /api/v1/calls</code> and <code>GET /api/v1/limits</code> with the admin key.</p></html>
`;
}
