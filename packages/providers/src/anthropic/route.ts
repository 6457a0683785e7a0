import type { Route } from "../adapter.ts";

/**
 * `/v1/messages` and `/v1/messages/count_tokens`, with any query (the official client sends `?beta=true`). The base URL
 * of this dialect ends before `/v1`, so the path goes upstream as it came.
 */
export function route(path: string): Route | null {
  const queryAt = path.indexOf("?");
  const endpoint = ENDPOINT_OF_PATH.get(queryAt === -1 ? path : path.slice(0, queryAt));
  if (endpoint === undefined) return null;
  return {
    dialect: "anthropic",
    endpoint,
    method: "POST",
    body: "json",
    upstreamPath: path,
    model: null,
    stream: null,
  };
}

const ENDPOINT_OF_PATH = new Map([
  ["/v1/messages", "messages"],
  ["/v1/messages/count_tokens", "count_tokens"],
] as const) as ReadonlyMap<string, "messages" | "count_tokens">;
