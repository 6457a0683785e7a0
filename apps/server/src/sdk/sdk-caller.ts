import {
  DIMENSIONS,
  isDimensionValue,
  type Dimension,
  type KeyPermission,
  type SaidDimensions,
} from "@tollhouse/contract";
import type { IncomingMessage } from "node:http";
import { Problem } from "../control/problem.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { identify, type Identity, type IdentifySettings } from "../gateway/identify.ts";
import { readRequestHeaders, type RequestHeaders } from "../gateway/request-headers.ts";
import { bindDimensions } from "../keys/bind-dimensions.ts";
import { wrong } from "./spellings.ts";

/** Whoever sent a request, before its body is read: the rules of the gateway, with the permission that the endpoint asks for. */
export interface SdkCaller {
  readonly identity: Identity;
  readonly headers: RequestHeaders;
  /** As the headers say them; those of the body come beside. */
  readonly named: Readonly<Partial<Record<Dimension, string>>>;
  readonly idempotencyKey: string | null;
}

/** `settings`: without STRICT_MODE's demand, which waits for the body. Throws a Problem where the caller may not ask. */
export function callerOf(req: IncomingMessage, settings: IdentifySettings, permission: KeyPermission): SdkCaller {
  const headers = readRequestHeaders(req.rawHeaders);
  const named = { ...headers.dimensions };
  const question = (req.url as string).indexOf("?");
  const query = question === -1 ? "" : (req.url as string).slice(question + 1);
  const identity = identify(headers, query, settings, false, permission);
  if ("code" in identity)
    throw new Problem(
      identity.code,
      identity.message,
      identity.param === null ? [] : [{ field: identity.param, problem: identity.message }],
    );
  const session = new URLSearchParams(query).get("session_id");
  if (session !== null && session !== "") named.session ??= session;
  return { identity, headers, named, idempotencyKey: idempotencyKeyOf(headers) };
}

/** Whose a call is, by header and body together, as far as the key lets its holder say. */
export function identityOf(
  caller: SdkCaller,
  said: SaidDimensions & { readonly decision_id?: string | undefined },
  gateway: Gateway,
): Identity {
  const dimensions: Partial<Record<Dimension, string>> = { ...caller.named };
  for (const name of DIMENSIONS) {
    const value = said[name];
    if (value === undefined) continue;
    const header = dimensions[name];
    if (header !== undefined && header !== value) throw wrong(name, "expected the same in the header and in the body");
    dimensions[name] = value;
  }
  const { grant } = caller.identity;
  // A plan comes by header alone.
  const planIgnored = caller.identity.ignored.filter((name) => name === "plan");
  const ignored = grant === null ? caller.identity.ignored : [...bindDimensions(grant, dimensions), ...planIgnored];
  // The session of a call that was checked is its check's.
  if (gateway.identity.strict && dimensions.session === undefined && said.decision_id === undefined)
    throw new Problem("IDENTITY_REQUIRED", "session: STRICT_MODE is on, name the session", [
      { field: "session", problem: "expected the session of the call" },
    ]);
  return { ...caller.identity, dimensions, ignored };
}

const LENGTH_MAX = 255;

function idempotencyKeyOf({ forward }: RequestHeaders): string | null {
  for (let i = 0; i + 1 < forward.length; i += 2) {
    if (forward[i]?.toLowerCase() !== "idempotency-key") continue;
    const value = forward[i + 1] as string;
    if (value.length > LENGTH_MAX || !isDimensionValue(value))
      throw wrong("idempotency-key", `expected 1 to ${LENGTH_MAX} characters without control characters`);
    return value;
  }
  return null;
}
