import { isUtf8 } from "node:buffer";
import { DIMENSION_HEADERS, DIMENSIONS, INCLUDE_COST_HEADER, type Dimension } from "@tollhouse/contract";
import { KEY_PREFIX } from "../keys/key-text.ts";
import type { Call } from "./call.ts";

/**
 * What the call path needs of a request's headers, read in one pass over `rawHeaders`: building node's header object costs
 * as much as all of our deciding, so it is never touched here.
 */
export interface RequestHeaders {
  /** Name, value, name, value …: what may go upstream, by allowlist. */
  readonly forward: string[];
  readonly dimensions: Partial<Record<Dimension, string>>;
  host: string;
  /** `Authorization` without `Bearer `, `x-api-key`, `api-key` or `x-goog-api-key`: whichever came. */
  credential: string | null;
  contentType: string;
  contentLength: number;
  contentEncoding: string | null;
  includeCost: boolean;
  origin: string | null;
}

type Action =
  | { readonly kind: "forward" }
  | { readonly kind: "dimension"; readonly name: Dimension; readonly rank: number }
  | { readonly kind: "field"; readonly name: "host" | "type" | "length" | "encoding" | "cost" | "origin" }
  | { readonly kind: "credential" };

const FORWARD: Action = { kind: "forward" };
const ACTIONS = new Map<string, Action>();
/** Providers read these; nothing else of the client's goes to them: no cookie, no forwarding chain, no header of ours. */
for (const name of [
  "accept",
  "user-agent",
  "idempotency-key",
  "http-referer",
  "x-title",
  "x-client-request-id",
  "openai-organization",
  "openai-project",
  "openai-beta",
  "openai-safety-identifier",
  "anthropic-version",
  "anthropic-beta",
  "anthropic-dangerous-direct-browser-access",
  "x-goog-api-client",
  "x-goog-user-project",
])
  ACTIONS.set(name, FORWARD);
ACTIONS.set("authorization", { kind: "credential" });
ACTIONS.set("x-api-key", { kind: "credential" });
ACTIONS.set("api-key", { kind: "credential" });
ACTIONS.set("x-goog-api-key", { kind: "credential" });
ACTIONS.set("host", { kind: "field", name: "host" });
ACTIONS.set("origin", { kind: "field", name: "origin" });
ACTIONS.set("content-type", { kind: "field", name: "type" });
ACTIONS.set("content-length", { kind: "field", name: "length" });
ACTIONS.set("content-encoding", { kind: "field", name: "encoding" });
ACTIONS.set(INCLUDE_COST_HEADER, { kind: "field", name: "cost" });
for (const name of DIMENSIONS)
  DIMENSION_HEADERS[name].forEach((header, rank) => ACTIONS.set(header, { kind: "dimension", name, rank }));

/** Names as clients write them, each looked at once: a call has two dozen, and they are always the same. null: left out. */
const SPELLINGS = new Map<string, Action | null>();
const SPELLINGS_MAX = 1_000;

function actionOf(name: string): Action | null {
  const known = SPELLINGS.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const action = ACTIONS.get(lower) ?? (/^x-stainless-./.test(lower) ? FORWARD : null);
  // A client that makes up names costs a look at each, and no memory.
  if (SPELLINGS.size >= SPELLINGS_MAX) SPELLINGS.clear();
  SPELLINGS.set(name, action);
  return action;
}

export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  const headers: RequestHeaders = {
    forward: [],
    dimensions: {},
    host: "",
    credential: null,
    contentType: "",
    contentLength: -1,
    contentEncoding: null,
    includeCost: false,
    origin: null,
  };
  // The lowest rank wins: our own header name over an alias, whatever their order on the wire.
  const ranks: Partial<Record<Dimension, number>> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const action = actionOf(name);
    if (action === null) continue;
    switch (action.kind) {
      case "forward":
        headers.forward.push(name, value);
        break;
      case "credential":
        headers.credential = oursFirst(headers.credential, credentialOf(value));
        break;
      case "dimension":
        if (value.length > 0 && action.rank < (ranks[action.name] ?? Infinity)) {
          ranks[action.name] = action.rank;
          headers.dimensions[action.name] = textOf(value);
        }
        break;
      case "field":
        readField(headers, action.name, value);
        break;
    }
  }
  return headers;
}

/** The first that came; but a key of ours counts wherever it stands, beside a credential that some client sends always. */
function oursFirst(first: string | null, next: string | null): string | null {
  if (first === null || next === null) return first ?? next;
  return next.startsWith(KEY_PREFIX) && !first.startsWith(KEY_PREFIX) ? next : first;
}

/** The scheme's name has no case (RFC 9110 §11.1). A key of ours that is not recognised as one would go upstream. */
function credentialOf(value: string): string | null {
  const text = value.replace(/^ *bearer(?: +|$)/i, "").trim();
  return text.length > 0 ? text : null;
}

/**
 * Node hands headers on as Latin-1, and most clients send UTF-8: read as it was meant, so that `session:é` of a limit and of a
 * header are the same. What is no UTF-8 stays Latin-1.
 */
function textOf(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}

function readField(
  headers: RequestHeaders,
  name: "host" | "type" | "length" | "encoding" | "cost" | "origin",
  value: string,
): void {
  switch (name) {
    case "host":
      headers.host = value;
      return;
    case "type":
      headers.contentType = value;
      return;
    case "length":
      headers.contentLength = Number(value);
      return;
    case "encoding":
      headers.contentEncoding = value === "identity" ? null : value;
      return;
    case "cost":
      headers.includeCost = value.toLowerCase() === "true";
      return;
    case "origin":
      headers.origin = value;
      return;
  }
}

/** Completes `forward`: the credential of the provider, and what the body is. */
export function addUpstreamHeaders({ headers, identity, route, target }: Call): void {
  const { upstream } = target;
  const own = identity.passThrough;
  const credential = upstream.credential ?? (own === null ? null : upstream.credentialOf(own));
  if (credential !== null) headers.forward.push(...credential);
  if (route.body !== "none") headers.forward.push("content-type", headers.contentType || "application/json");
  // The answer is read on its way: no encoding between the provider and us.
  headers.forward.push("accept-encoding", "identity");
}
