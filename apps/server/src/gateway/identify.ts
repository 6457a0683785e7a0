import { timingSafeEqual } from "node:crypto";
import { DIMENSIONS, isDimensionValue, type Dimensions, type ReasonCode } from "@tollhouse/contract";
import type { RequestHeaders } from "./request-headers.ts";

/** Step 1 of a decision: whose call it is. */
export interface Identity {
  readonly tenant: string;
  readonly environment: string;
  readonly dimensions: Dimensions;
  readonly key: string | null;
  /** The client's own provider credential, which goes upstream where the installation has none; never a Tollhouse key. */
  readonly passThrough: string | null;
}

export interface IdentifyRefusal {
  readonly code: ReasonCode;
  readonly message: string;
  readonly param: string | null;
}

export interface IdentifySettings {
  readonly auth: "open" | "required";
  readonly strict: boolean;
  readonly tenant: string;
  readonly environment: string;
  /** Is this text the admin key? Constant time. */
  readonly isAdminKey: (text: string) => boolean;
}

/**
 * `query` may carry identity: `?session_id=` (for clients that cannot set headers) and Gemini's `?key=`. `forwardsOwn`: no credential
 * is installed for the provider, so that the client's own goes upstream.
 */
export function identify(
  headers: RequestHeaders,
  query: string,
  settings: IdentifySettings,
  forwardsOwn: boolean,
): Identity | IdentifyRefusal {
  if (settings.auth === "open" && !isLoopbackHost(headers.host))
    return {
      code: "HOST_NOT_ALLOWED",
      message: "Without keys, Tollhouse answers only to a loopback host name",
      param: null,
    };
  if (settings.auth === "open" && headers.origin !== null && isForeignSite(headers.origin))
    return {
      code: "HOST_NOT_ALLOWED",
      message: "Without keys, Tollhouse does not answer to the pages of other sites",
      param: null,
    };
  let credential = headers.credential;
  const dimensions = headers.dimensions;
  if (query.length > 0 && (query.includes("session_id=") || query.includes("key="))) {
    const parameters = new URLSearchParams(query);
    const session = parameters.get("session_id");
    if (session !== null && session !== "") dimensions.session ??= session;
    credential ??= parameters.get("key");
  }
  // A key of ours must never reach a provider, whatever it looks like (the admin key may be anybody's choice).
  const named = credential !== null && credential.startsWith("th_");
  const ours =
    credential !== null && (named || settings.auth === "required" || forwardsOwn) && settings.isAdminKey(credential);
  if ((settings.auth === "required" || named) && !ours)
    return { code: "KEY_INVALID", message: "The key is missing or not valid", param: null };
  for (const name of DIMENSIONS) {
    const value = dimensions[name];
    if (value !== undefined && !isDimensionValue(value))
      return {
        code: "REQUEST_INVALID",
        message: `${name}: expected 1 to 256 characters without control characters`,
        param: name,
      };
  }
  if (settings.strict && dimensions.session === undefined)
    return {
      code: "IDENTITY_REQUIRED",
      message: "STRICT_MODE is on: name the session in x-session-id (or x-tollhouse-session, or ?session_id=)",
      param: "x-session-id",
    };
  return {
    tenant: settings.tenant,
    environment: settings.environment,
    dimensions,
    key: ours ? "key_admin" : null,
    passThrough: ours || !forwardsOwn ? null : credential,
  };
}

/** In open mode any page of any site could reach a loopback port by a name that resolves to it (DNS rebinding). */
export function isLoopbackHost(host: string): boolean {
  const name = host.startsWith("[") ? host.slice(0, host.indexOf("]") + 1) : (host.split(":")[0] as string);
  return name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name) || name.endsWith(".localhost");
}

/**
 * In open mode any page that a browser on this machine shows could spend its money, blindly, with a plain `POST` to a loopback
 * address. Browsers say where such a request comes from: `http(s)://…`, or `null` for sandboxes and local files. Other schemes
 * (extensions, editors) are no web pages.
 */
function isForeignSite(origin: string): boolean {
  if (origin === "null") return true;
  const host = /^https?:\/\/(.*)$/i.exec(origin)?.[1];
  return host !== undefined && !isLoopbackHost(host);
}

export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
