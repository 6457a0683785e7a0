import { MEMBER_ROLES, type MemberRole } from "@tollhouse/contract";

/** Roles by group; `*`: of whoever is in none of them. */
export type GroupRoles = ReadonlyMap<string, MemberRole>;

const ANYBODY = "*";

/** `platform=owner, finance=viewer`. Undefined: it is none, or names a group twice. */
export function readGroupRoles(text: string): GroupRoles | undefined {
  const roles = new Map<string, MemberRole>();
  for (const part of text.split(",")) {
    const at = part.lastIndexOf("=");
    const group = part.slice(0, Math.max(at, 0)).trim();
    const role = MEMBER_ROLES.find((each) => each === part.slice(at + 1).trim());
    if (group === "" || role === undefined || roles.has(group)) return undefined;
    roles.set(group, role);
  }
  return roles;
}

/** The highest role that a group gives; null: none of them has one, so that nobody is let in by default. */
export function roleOfGroups(roles: GroupRoles, groups: readonly string[]): MemberRole | null {
  const given = groups.filter((group) => group !== ANYBODY).flatMap((group) => roles.get(group) ?? []);
  return MEMBER_ROLES.findLast((role) => given.includes(role)) ?? roles.get(ANYBODY) ?? null;
}

/** Groups as identity providers tell them: one text, or a list of them; anything else is none. */
export function groupsIn(claim: unknown): string[] {
  const all: unknown[] = Array.isArray(claim) ? claim : [claim];
  return all.filter((group) => typeof group === "string");
}
