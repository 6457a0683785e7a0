import { createHmac, randomBytes } from "node:crypto";

/** 32 hex digits of the tenant and 256 bits of chance: whose view of the database a session is looked for in, and what proves it. */
const SESSION = /^([0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/;
const INVITATION = /^([0-9a-f]{32})\.(mem_[0-9A-Za-z]{16})\.([A-Za-z0-9_-]{43})$/;

export function makeSessionText(tenant: string): string {
  return `${tenant}.${randomBytes(32).toString("base64url")}`;
}

/** The tenant that the text names; null where it is no such text. */
export function tenantOfSession(text: string): string | null {
  return SESSION.exec(text)?.[1] ?? null;
}

export function makeInvitationText(tenant: string, member: string): string {
  return `${tenant}.${member}.${randomBytes(32).toString("base64url")}`;
}

export function readInvitation(text: string): { readonly tenant: string; readonly member: string } | null {
  const [, tenant, member] = INVITATION.exec(text) ?? [];
  return tenant === undefined || member === undefined ? null : { tenant, member };
}

/** Known to nobody who has not the cookie, and tells nothing of it; nothing of it is stored. */
export function csrfTokenOf(sessionText: string): string {
  return createHmac("sha256", sessionText).update("tollhouse/csrf/v1").digest("base64url");
}
