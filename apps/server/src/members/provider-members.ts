import { insertMember, memberByIdentity, type Queryable, type StoredMember } from "@tollhouse/store";
import { SignInRefused, type ProvenPerson } from "../single-sign-on/proven-person.ts";
import type { MemberChange } from "./member-changes.ts";
import { makeMemberId, type MemberService } from "./member-service.ts";

/**
 * The member whom an identity provider has proven: made at their first sign-in, with the role that their groups have now. They are found
 * by issuer and subject, never by the e-mail address: whoever gets an address later must not get its member. `by`: as the audit names it.
 */
export async function memberOfProvider(
  members: MemberService,
  tenant: string,
  by: "oidc" | "saml",
  person: ProvenPerson,
): Promise<StoredMember> {
  const found: StoredMember[] = [];
  await members.changes.make({ tenant, actor: by }, async (tx) => {
    const known = await memberByIdentity(tx, tenant, person.identity);
    if (known?.disabled === true) throw new SignInRefused(`${known.id} is disabled`);
    const change =
      known === null ? await makeMember(tx, tenant, person) : await withRole(members, tx, tenant, known, person);
    found.push(change?.after ?? (known as StoredMember));
    return change;
  });
  return found[0] as StoredMember;
}

async function makeMember(
  tx: Queryable,
  tenant: string,
  { identity, email, name, role }: ProvenPerson,
): Promise<MemberChange & { readonly after: StoredMember }> {
  const id = makeMemberId();
  const after = await insertMember(tx, tenant, {
    id,
    email,
    name,
    role,
    passwordHash: null,
    invitation: null,
    identity,
  });
  if (after === null) throw new SignInRefused("another member has the e-mail address");
  return { action: "member.create", before: null, after };
}

/** Null: they have it already. Their other sessions end with another role. */
async function withRole(
  members: MemberService,
  tx: Queryable,
  tenant: string,
  known: StoredMember,
  { role }: ProvenPerson,
): Promise<(MemberChange & { readonly after: StoredMember }) | null> {
  if (known.role === role) return null;
  return members.store(tx, tenant, "member.update", known, { ...known, role });
}
