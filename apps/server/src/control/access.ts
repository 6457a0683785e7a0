import { CODES, tenantNameSchema, type KeyPermission, type MemberPermission } from "@tollhouse/contract";
import { DEFAULT_TENANT } from "@tollhouse/store";
import type { KeyGrant } from "../keys/key-grant.ts";
import type { KeyRefusal } from "../keys/key-service.ts";
import { KEY_PREFIX } from "../keys/key-text.ts";
import type { SignedIn } from "../members/session-service.ts";
import type { Place } from "../place.ts";
import { Problem } from "./problem.ts";

/** Who makes a control call, and how far their key or role reaches. */
export interface Access {
  /** As the ledger names them: `admin-key`, `key_…` or `member:mem_…`. */
  readonly actor: string;
  /** 32 hex digits. */
  readonly tenant: string;
  /** The only environment the key is for; null = any (the admin key, and members). */
  readonly environment: string | null;
  /** Of a key; null = all of them. */
  readonly permissions: ReadonlySet<KeyPermission> | null;
  /** Absent: a key asks. */
  readonly signedIn?: SignedIn;
  /** For answers that go on: whether whoever asked has lost the right meanwhile. Absent: they cannot, while the answer lasts. */
  readonly ended?: () => Promise<boolean>;
}

export const ADMIN_ACCESS: Access = Object.freeze({
  actor: "admin-key",
  tenant: DEFAULT_TENANT,
  environment: null,
  permissions: null,
});

declare module "fastify" {
  interface FastifyContextConfig {
    /** May keys use this route, besides the admin key? Only where it keeps to `environmentOf`: without this, it is the admin's. */
    keys?: true;
    /** Is the route about the installation, and not about one of its tenants? */
    ofInstallation?: true;
    /** What a member's role must have. Without it the route is closed to members. */
    permission?: MemberPermission;
    /** Is it answered to anybody? Only under OPEN_PATH. */
    open?: true;
    /** Is a page of another site sent here by design (an identity provider's)? */
    fromElsewhere?: true;
  }
  interface FastifyRequest {
    access: Access;
  }
}

export interface AccessParts {
  readonly isAdminKey: (text: string) => boolean;
  /** Absent = there is no key but the admin's. */
  readonly findKey?: ((text: string) => KeyGrant | KeyRefusal) | undefined;
  /** The id of the tenant of this name; null = there is none. Absent = none can be named. */
  readonly findTenant?: ((name: string) => string | null) | undefined;
  /** The session of this cookie; null = it has ended. Absent = there are no members. */
  readonly findSession?: ((text: string) => Promise<SignedIn | null>) | undefined;
}

/** What of a request decides whether it may go on. */
export interface AskedRoute {
  readonly authorization: string;
  readonly method: string;
  /** Has the route opened itself to keys? */
  readonly keys: boolean;
}

/** `read` for GET, `manage` for the rest; or the admin key. */
export function accessOf({ isAdminKey, findKey }: AccessParts, asked: AskedRoute): Access | Problem {
  const { authorization, method, keys } = asked;
  const text = /^bearer /i.test(authorization) ? authorization.slice(7).trim() : "";
  if (isAdminKey(text)) return ADMIN_ACCESS;
  const found = findKey === undefined || !text.startsWith(KEY_PREFIX) ? "KEY_INVALID" : findKey(text);
  // A key that is none of ours learns no more than somebody without one.
  if (found === "KEY_INVALID")
    return new Problem("ADMIN_KEY_REQUIRED", "No key that is known here came with the request");
  if (typeof found === "string") return new Problem(found, CODES[found].title);
  const needed = method === "GET" || method === "HEAD" ? "read" : "manage";
  if (!found.permissions.has(needed))
    return new Problem("PERMISSION_MISSING", `The key does not have the permission \`${needed}\``);
  if (!keys) return new Problem("PERMISSION_MISSING", "Only the admin key may ask this");
  return {
    actor: found.key.id,
    tenant: found.tenant,
    environment: found.key.environment,
    permissions: found.permissions,
  };
}

/**
 * Whose things a request is about: those of the key's own tenant, or of the one that the admin names by `?tenant=`. Whoever has another
 * key is told the same whichever they name, also their own: no answer says which tenants there are.
 */
export function accessTo(access: Access, asked: unknown, findTenant: AccessParts["findTenant"]): Access | Problem {
  if (asked === undefined) return access;
  if (access.permissions !== null) return new Problem("PERMISSION_MISSING", "Only the admin key may name a tenant");
  if (access.signedIn?.permissions.has("installation") === false)
    return new Problem("ROLE_INSUFFICIENT", "Only owners of the tenant `default` may name a tenant");
  const name = tenantNameSchema.safeParse(asked);
  if (!name.success) {
    const problem = name.error.issues[0]?.message ?? "expected the name of a tenant";
    return new Problem("REQUEST_INVALID", `tenant: ${problem}`, [{ field: "tenant", problem }]);
  }
  const tenant = findTenant?.(name.data) ?? null;
  return tenant === null ? new Problem("NOT_FOUND", `There is no tenant ${name.data}`) : { ...access, tenant };
}

/** Where a request reads and changes: the key's own place, or what the admin asks for. */
export function placeOf(access: Access, asked: string | undefined): Place {
  return { tenant: access.tenant, environment: environmentOf(access, asked) };
}

/** The environment that a request is about: the key's own, or what the admin asks for. */
export function environmentOf(access: Access, asked: string | undefined): string;
export function environmentOf(access: Access, asked: string | undefined, otherwise: string | null): string | null;
export function environmentOf(
  access: Access,
  asked: string | undefined,
  otherwise: string | null = "prod",
): string | null {
  if (access.environment === null) return asked ?? otherwise;
  if (asked !== undefined && asked !== access.environment)
    throw new Problem("PERMISSION_MISSING", `The key is for the environment ${access.environment} only`);
  return access.environment;
}
