import { isUtf8 } from "node:buffer";
import { DIMENSION_HEADERS, DIMENSIONS, INCLUDE_COST_HEADER, PLAN_HEADER, type Dimension } from "@tollhouse/contract";
import { KEY_PREFIX } from "../keys/key-text.ts";
import type { Call } from "./call.ts";
import type { Identity } from "./identify.ts";

/**
 * What the call path needs of a request's headers, read in one pass over `rawHeaders`: building node's header object costs
 * as much as all of our deciding, so it is never touched here.
 */
export interface RequestHeaders {
  /** Name, value, name, value …: what may go upstream, by allowlist. */
  readonly forward: string[];
  /** The same, of those that choose whose account at the provider pays; null = none came. */
  payer: string[] | null;
  readonly dimensions: Partial<Record<Dimension, string>>;
  host: string;
  /** `Authorization` without `Bearer `, `x-api-key`, `api-key` or `x-goog-api-key`: whichever came. */
  credential: string | null;
  contentType: string;
  contentLength: number;
  contentEncoding: string | null;
  includeCost: boolean;
  origin: string | null;
  /** The plan that the client says it is on. */
  plan: string | null;
}

type Action =
  | { readonly kind: "forward" }
  | { readonly kind: "payer" }
  | { readonly kind: "dimension"; readonly name: Dimension; readonly rank: number }
  | { readonly kind: "field"; readonly name: "host" | "type" | "length" | "encoding" | "cost" | "origin" | "plan" }
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
  "openai-beta",
  "openai-safety-identifier",
  "anthropic-version",
  "anthropic-beta",
  "anthropic-dangerous-direct-browser-access",
  "x-goog-api-client",
])
  ACTIONS.set(name, FORWARD);
for (const name of ["openai-organization", "openai-project", "x-goog-user-project"])
  ACTIONS.set(name, { kind: "payer" });
ACTIONS.set("authorization", { kind: "credential" });
ACTIONS.set("x-api-key", { kind: "credential" });
ACTIONS.set("api-key", { kind: "credential" });
ACTIONS.set("x-goog-api-key", { kind: "credential" });
ACTIONS.set("host", { kind: "field", name: "host" });
ACTIONS.set("origin", { kind: "field", name: "origin" });
ACTIONS.set("content-type", { kind: "field", name: "type" });
ACTIONS.set("content-length", { kind: "field", name: "length" });
ACTIONS.set("content-encoding", { kind: "field", name: "encoding" });
ACTIONS.set(PLAN_HEADER, { kind: "field", name: "plan" });
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
    payer: null,
    dimensions: {},
    host: "",
    credential: null,
    contentType: "",
    contentLength: -1,
    contentEncoding: null,
    includeCost: false,
    origin: null,
    plan: null,
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
      case "payer":
        (headers.payer ??= []).push(name, value);
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
  name: "host" | "type" | "length" | "encoding" | "cost" | "origin" | "plan",
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
    case "plan":
      // The first, as of a dimension.
      if (value.length > 0) headers.plan ??= textOf(value);
      return;
  }
}

/**
 * Whoever calls with a key of ours spends on an account that is not theirs, and does not choose which of its organisations or projects
 * pays: the provider's bill could not be explained by tenant any more.
 */
function mayChoosePayer({ grant }: Identity): boolean {
  return grant === null;
}

/** What the client said and nothing will heed: dimensions that its key does not let it set, and whose account pays. Null = nothing. */
export function ignoredOf(identity: Identity, { payer }: RequestHeaders): string | null {
  if (payer === null || mayChoosePayer(identity))
    return identity.ignored.length === 0 ? null : identity.ignored.join(", ");
  const names = payer.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  return [...identity.ignored, ...new Set(names)].join(", ");
}

/** Completes `forward`: the credential that was chosen, and what the body is. */
export function addUpstreamHeaders({ headers, identity, route, credential }: Call): void {
  if (credential !== null) headers.forward.push(...credential);
  if (headers.payer !== null && mayChoosePayer(identity)) headers.forward.push(...headers.payer);
  if (route.body !== "none") headers.forward.push("content-type", headers.contentType || "application/json");
  // The answer is read on its way: no encoding between the provider and us.
  headers.forward.push("accept-encoding", "identity");
}

/** The few request headers an adapter may look at to read the facts of a call. */
export function contextHeaders(headers: RequestHeaders): Record<string, string | undefined> {
  const out: Record<string, string | undefined> = { "content-type": headers.contentType };
  for (let i = 0; i + 1 < headers.forward.length; i += 2) {
    const name = (headers.forward[i] as string).toLowerCase();
    if (name.startsWith("anthropic-") || name.startsWith("openai-")) out[name] = headers.forward[i + 1];
  }
  return out;
}
