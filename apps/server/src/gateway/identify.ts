import { timingSafeEqual } from "node:crypto";
import {
  CODES,
  DIMENSIONS,
  isDimensionValue,
  type Dimension,
  type Dimensions,
  type ReasonCode,
} from "@tollhouse/contract";
import { bindDimensions } from "../keys/bind-dimensions.ts";
import type { KeyGrant } from "../keys/key-grant.ts";
import type { KeyRefusal } from "../keys/key-service.ts";
import { KEY_PREFIX } from "../keys/key-text.ts";
import type { RequestHeaders } from "./request-headers.ts";

/** Step 1 of a decision: whose call it is. */
export interface Identity {
  readonly tenant: string;
  readonly environment: string;
  readonly dimensions: Dimensions;
  /** `key_…`, `key_admin`, or null in open mode. */
  readonly key: string | null;
  /** What the key allows; null for the admin key, and in open mode without a key. */
  readonly grant: KeyGrant | null;
  /** Dimensions that the client named and its key does not let it set. */
  readonly ignored: readonly Dimension[];
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
  /** The key that this text is; in constant time for every secret of one id. */
  readonly findKey: (text: string) => KeyGrant | KeyRefusal;
}

const NONE_IGNORED: readonly Dimension[] = Object.freeze([]);

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
    const key = parameters.get("key");
    // A key of ours counts wherever it stands.
    if (credential === null || (key?.startsWith(KEY_PREFIX) === true && !credential.startsWith(KEY_PREFIX)))
      credential = key;
  }
  // A key of ours must never reach a provider, whatever it looks like (the admin key may be anybody's choice).
  const named = credential !== null && credential.startsWith(KEY_PREFIX);
  const found = named ? settings.findKey(credential as string) : "KEY_INVALID";
  const grant = typeof found === "string" ? null : found;
  const ours =
    grant === null &&
    credential !== null &&
    (named || settings.auth === "required" || forwardsOwn) &&
    settings.isAdminKey(credential);
  if (typeof found === "string" && (settings.auth === "required" || named) && !ours)
    return {
      code: found,
      message: found === "KEY_INVALID" ? "The key is missing or not valid" : CODES[found].title,
      param: null,
    };
  if (grant?.permissions.has("call") === false)
    return { code: "PERMISSION_MISSING", message: "The key does not have the permission `call`", param: null };
  const ignored = grant === null ? NONE_IGNORED : bindDimensions(grant, dimensions);
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
    environment: grant?.key.environment ?? settings.environment,
    dimensions,
    key: grant !== null ? grant.key.id : ours ? "key_admin" : null,
    grant,
    ignored,
    passThrough: grant !== null || ours || !forwardsOwn ? null : credential,
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
