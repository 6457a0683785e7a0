import type { MemberRole } from "@tollhouse/contract";
import { emailSchema, MEMBER_BOUNDS } from "@tollhouse/contract";
import type { MemberIdentity } from "@tollhouse/store";
import { groupsIn, roleOfGroups, type GroupRoles } from "./group-roles.ts";

/** Whom an identity provider has proven, and what they may be here. */
export interface ProvenPerson {
  readonly identity: MemberIdentity;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
}

/** The provider's answer signs nobody in. The reason is for the log; whoever asked learns only that it is so. */
export class SignInRefused extends Error {
  override readonly name = "SignInRefused";
}

export interface Told {
  readonly issuer: string;
  readonly subject: unknown;
  readonly email: unknown;
  readonly name: unknown;
  readonly groups: unknown;
}

/** Throws SignInRefused where something is missing, or none of the groups has a role. */
export function personOf({ issuer, subject, email, name, groups }: Told, roles: GroupRoles): ProvenPerson {
  if (typeof subject !== "string" || subject === "" || subject.length > 1_024)
    throw new SignInRefused("the provider names no subject");
  const address = emailSchema.safeParse(email);
  if (!address.success) throw new SignInRefused("the provider tells no e-mail address");
  const role = roleOfGroups(roles, groupsIn(groups));
  if (role === null) throw new SignInRefused(`none of ${groupsIn(groups).length} groups has a role here`);
  const named =
    typeof name === "string"
      ? name
          .replaceAll(/\p{Cc}/gu, "")
          .trim()
          .slice(0, MEMBER_BOUNDS.nameLength)
      : "";
  return { identity: { issuer, subject }, email: address.data, name: named === "" ? address.data : named, role };
}
