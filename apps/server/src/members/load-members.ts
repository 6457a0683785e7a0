import { DEFAULT_TENANT, hasOtherOwner, type Database, type Spool } from "@tollhouse/store";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { MemberService } from "./member-service.ts";
import { PasswordHasher } from "./password-hasher.ts";
import { SessionService } from "./session-service.ts";
import { SignInRates } from "./sign-in-rates.ts";

export interface LoadMembersParts {
  readonly spool: Pick<Spool, "append">;
  readonly masterKey: Uint8Array;
  readonly tenants: TenantRegistry;
  readonly settings: { readonly controlFailuresPerMinute: number };
  readonly now: () => number;
}

export interface Members {
  readonly members: MemberService;
  readonly sessions: SessionService;
  /** Is there nobody yet who can sign in as an owner of the installation's first tenant? */
  readonly needsOwner: () => Promise<boolean>;
}

/** Members of all tenants: nothing of them is in memory but how often somebody tried to sign in. */
export function loadMembers({ spool, masterKey, tenants, settings, now }: LoadMembersParts): Members {
  const hasher = new PasswordHasher();
  const dbOf = (tenant: string): Database => tenants.of(tenant).db;
  const members = new MemberService({ dbOf, spool, masterKey, hasher, now });
  const sessions = new SessionService({
    dbOf: (tenant) => tenants.dbOf(tenant),
    findTenant: (name) => tenants.byName(name)?.id ?? null,
    masterKey,
    hasher,
    members,
    rates: new SignInRates(settings.controlFailuresPerMinute, now),
    now,
  });
  return {
    members,
    sessions,
    needsOwner: async () => !(await hasOtherOwner(dbOf(DEFAULT_TENANT), DEFAULT_TENANT, "")),
  };
}
