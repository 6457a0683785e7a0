import type { Endpoint } from "@tollhouse/contract";
import type { Route } from "../adapter.ts";

interface Method {
  readonly endpoint: Endpoint;
  readonly stream: boolean;
}

const METHODS: ReadonlyMap<string, Method> = new Map([
  ["generateContent", { endpoint: "generate_content", stream: false }],
  ["streamGenerateContent", { endpoint: "generate_content", stream: true }],
  ["embedContent", { endpoint: "embed_content", stream: false }],
  ["batchEmbedContents", { endpoint: "batch_embed_contents", stream: false }],
  ["countTokens", { endpoint: "count_tokens", stream: false }],
]);

/** `{version}/{collection}/{id}:{method}`. The id's characters are few on purpose: nothing is left to be decoded twice. */
const PATH = /^\/(v1|v1beta|v1alpha)\/(models|tunedModels)\/([A-Za-z0-9._-]{1,200}):([A-Za-z]{1,40})$/;

/**
 * Query parameters that do not go upstream: credentials (the provider key is put in later, as a header), and Google's
 * system parameters that would take the usage out of the answer (`fields`, `callback`, an `alt` other than JSON or SSE).
 * Each also has a form with `$`.
 */
const DROPPED = new Set(["key", "access_token", "oauth_token", "fields", "callback", "alt"]);

/**
 * The base URL of this dialect ends before the version. Percent-encoded `/` and `:` (`models%2Fm%3AgenerateContent`) are
 * read as what they stand for, and the path goes upstream in its plain form, so that there is one reading of it.
 */
export function route(path: string): Route | null {
  const queryAt = path.indexOf("?");
  const decoded = decode(queryAt === -1 ? path : path.slice(0, queryAt));
  const match = decoded === null ? null : PATH.exec(decoded);
  if (match === null) return null;
  const [plain, , collection, id = "", name = ""] = match;
  const method = METHODS.get(name);
  if (method === undefined) return null;
  return {
    dialect: "gemini",
    endpoint: method.endpoint,
    method: "POST",
    body: "json",
    upstreamPath: plain + upstreamQuery(queryAt === -1 ? "" : path.slice(queryAt + 1), method.stream),
    model: collection === "tunedModels" ? `tunedModels/${id}` : id,
    stream: method.stream,
  };
}

/**
 * Does the client stream without `alt=sse`? Then the answer is one JSON array. A stream that only Tollhouse asked for
 * (`asEventStream`) comes as events whatever the client's own route says.
 */
export function streamsAsArray(route: Route): boolean {
  return route.stream === true && !/[?&]alt=sse(?:&|$)/.test(route.upstreamPath);
}

/** The same call as a stream of events. */
export function asEventStream(upstreamPath: string): string {
  const streamed = upstreamPath.replace(/:generateContent(?=\?|$)/, ":streamGenerateContent");
  return `${streamed}${streamed.includes("?") ? "&" : "?"}alt=sse`;
}

/** The path with another model. */
export function withModel(upstreamPath: string, model: string): string {
  const name = model.startsWith("tunedModels/") || model.startsWith("models/") ? model : `models/${model}`;
  return upstreamPath.replace(/\/(?:models|tunedModels)\/[^:]+/, () => `/${name}`);
}

function upstreamQuery(query: string, streaming: boolean): string {
  const kept: string[] = [];
  let events = false;
  for (const pair of query.split("&")) {
    const equalsAt = pair.indexOf("=");
    const name = decode(equalsAt === -1 ? pair : pair.slice(0, equalsAt));
    const value = equalsAt === -1 ? "" : decode(pair.slice(equalsAt + 1));
    if (name === "" || name === null) continue;
    if (name === "alt" || name === "$alt") events = value === "sse";
    if (!name.startsWith("$") && !DROPPED.has(name)) kept.push(pair);
  }
  if (events && streaming) kept.push("alt=sse");
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
