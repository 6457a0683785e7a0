import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

type Page = (req: IncomingMessage, res: ServerResponse) => void;

interface File {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same, pressed when it was built; null = it does not press. */
  readonly gzip: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the build puts it, seen from this file as it lies in `src` and in `dist`. */
export const DASHBOARD_FOLDER = fileURLToPath(new URL("../../../dashboard/dist", import.meta.url));

const PREFIX = "/dashboard/";
/** At the top what has a dot, and every asset. Deeper down a dot is part of an id: `users/ada@example.com`, `sessions/run.json`. */
const FILES_ONLY = /^(?:assets\/|[^/]*\.)/;
const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Scripts of this server alone, in no frame of anybody; inline styles because components place themselves by them. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const ALWAYS = { "x-content-type-options": "nosniff", "referrer-policy": "same-origin" };
const OF_A_PAGE = {
  ...ALWAYS,
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
};
/** Their names change with their content. */
const OF_AN_ASSET = { ...ALWAYS, "cache-control": "public, max-age=31536000, immutable" };

/**
 * `/dashboard` and all below it, from memory: a file by its exact name (nothing of a request's path reaches the disk), 404 for any other
 * path that can only be a file's, and for all else a page of the dashboard. null: it was never built here.
 */
export function loadDashboard(folder: string = DASHBOARD_FOLDER): Page | null {
  if (!existsSync(join(folder, "index.html"))) return null;
  const files = readFiles(folder);
  const index = files.get("index.html") as File;
  return (req, res) => {
    const path = (req.url as string).replace(/[?#].*$/s, "");
    const name = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : "";
    const file = files.get(name) ?? (FILES_ONLY.test(name) ? undefined : index);
    if (file === undefined)
      return answer(res, 404, { "content-type": "text/plain", ...ALWAYS }, Buffer.from("There is no such file\n"));
    const isPressed = file.gzip !== null && /\bgzip\b/.test(String(req.headers["accept-encoding"] ?? ""));
    const headers = {
      ...file.headers,
      "content-type": file.type,
      vary: "accept-encoding",
      ...(isPressed && { "content-encoding": "gzip" }),
    };
    return answer(res, 200, headers, isPressed ? (file.gzip as Buffer) : file.bytes);
  };
}

function readFiles(folder: string): ReadonlyMap<string, File> {
  const files = new Map<string, File>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const type = TYPES[extname(entry)];
    if (type === undefined) continue;
    const path = join(folder, entry);
    const name = entry.replaceAll(sep, "/");
    files.set(name, {
      type,
      bytes: readFileSync(path),
      gzip: existsSync(`${path}.gz`) ? readFileSync(`${path}.gz`) : null,
      headers: name.startsWith("assets/") ? OF_AN_ASSET : OF_A_PAGE,
    });
  }
  return files;
}

function answer(res: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: Buffer): void {
  res.writeHead(status, { ...headers, "content-length": body.length });
  res.end(res.req.method === "HEAD" ? undefined : body);
}
