import { timingSafeEqual } from "node:crypto";
import {
  CODES,
  DIMENSIONS,
  isDimensionValue,
  type Dimensions,
  type KeyPermission,
  type ReasonCode,
  type Settable,
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
  /** The plan that the client names, where its key lets it; an operator's word goes before it. */
  readonly plan?: string;
  /** `key_…`, `key_admin`, or null in open mode. */
  readonly key: string | null;
  /** What the key allows; null for the admin key, and in open mode without a key. */
  readonly grant: KeyGrant | null;
  /** What the client named and its key does not let it set. */
  readonly ignored: readonly Settable[];
  /** The client's own provider credential, which goes upstream where the installation has none; never a Tollhouse key. */
  readonly passThrough: string | null;
}

export interface IdentifyRefusal {
  readonly code: ReasonCode;
  readonly message: string;
  readonly param: string | null;
  /** Who it was, where the credential proved it: the record of the refusal names them. Absent: anybody. */
  readonly caller?: Identity;
}

export interface IdentifySettings {
  readonly auth: "open" | "required";
  readonly strict: boolean;
  /** Of a call without a key of its own: in open mode, and with the admin key. */
  readonly tenant: string;
  readonly environment: string;
  /** Is this text the admin key? Constant time. */
  readonly isAdminKey: (text: string) => boolean;
  /** The key that this text is; in constant time for every secret of one id. */
  readonly findKey: (text: string) => KeyGrant | KeyRefusal;
  /** Whose a key is that has expired or was revoked. Absent: `tenant`'s. */
  readonly tenantOfKey?: (text: string) => string | null;
}

const NONE_IGNORED: readonly Settable[] = Object.freeze([]);

/**
 * `query` may carry identity: `?session_id=` (for clients that cannot set headers) and Gemini's `?key=`. `forwardsOwn`: no credential
 * is installed for the provider, so that the client's own goes upstream. `permission`: what the key must have.
 */
export function identify(
  headers: RequestHeaders,
  query: string,
  settings: IdentifySettings,
  forwardsOwn: boolean,
  permission: KeyPermission = "call",
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
      // Whoever learns that a key has ended has its secret: what its text says of itself is proven.
      ...(found !== "KEY_INVALID" && { caller: holderOf(credential as string, settings) }),
    };
  if (grant?.permissions.has(permission) === false)
    return {
      code: "PERMISSION_MISSING",
      message: `The key does not have the permission \`${permission}\``,
      param: null,
      caller: {
        ...nobodyOf(settings),
        tenant: grant.tenant,
        environment: grant.key.environment,
        key: grant.key.id,
      },
    };
  const ignored = grant === null ? NONE_IGNORED : bindDimensions(grant, dimensions);
  const { plan } = headers;
  const maySetPlan = grant === null || grant.settable === null || grant.settable.has("plan");
  for (const name of DIMENSIONS) {
    const value = dimensions[name];
    if (value !== undefined && !isDimensionValue(value))
      return {
        code: "REQUEST_INVALID",
        message: `${name}: expected 1 to 256 characters without control characters`,
        param: name,
      };
  }
  const identity: Identity = {
    tenant: grant?.tenant ?? settings.tenant,
    environment: grant?.key.environment ?? settings.environment,
    dimensions,
    key: grant !== null ? grant.key.id : ours ? "key_admin" : null,
    grant,
    ...(plan !== null && maySetPlan && { plan }),
    ignored: plan === null || maySetPlan ? ignored : [...ignored, "plan"],
    passThrough: grant !== null || ours || !forwardsOwn ? null : credential,
  };
  if (settings.strict && dimensions.session === undefined)
    return {
      code: "IDENTITY_REQUIRED",
      message: "STRICT_MODE is on: name the session in x-session-id (or x-tollhouse-session, or ?session_id=)",
      param: "x-session-id",
      caller: identity,
    };
  return identity;
}

function nobodyOf({ tenant, environment }: IdentifySettings): Identity {
  return { tenant, environment, dimensions: {}, key: null, grant: null, ignored: NONE_IGNORED, passThrough: null };
}

/** `th_<environment>_<id>_…` */
function holderOf(text: string, settings: IdentifySettings): Identity {
  const [, environment = "", id = ""] = text.split("_", 3);
  const tenant = settings.tenantOfKey?.(text) ?? settings.tenant;
  return { ...nobodyOf(settings), tenant, environment, key: `key_${id}` };
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
