import type { MemberAnswer, MemberState } from "@tollhouse/contract";
import type { StoredMember } from "@tollhouse/store";

/** What may be told of a member: field by field, so that no hash can slip in. */
export function describeMember(member: StoredMember): MemberAnswer {
  const { id, email, name, role, identity, createdMs, lastSignInMs, version } = member;
  return {
    id,
    email,
    name,
    role,
    state: stateOf(member),
    single_sign_on: identity !== null,
    created_at: new Date(createdMs).toISOString(),
    last_sign_in_at: lastSignInMs === null ? null : new Date(lastSignInMs).toISOString(),
    version,
  };
}

/** Name and address are erasable, and an entry is not: the ledger has the id. */
export function memberLedgerText(member: StoredMember): string {
  const { id, role, state, single_sign_on, version } = describeMember(member);
  return JSON.stringify({ id, role, state, single_sign_on, version });
}

/** Can they sign in, as far as the tenant says? */
export function isActive(member: StoredMember): boolean {
  return stateOf(member) === "active";
}

function stateOf({ disabled, passwordHash, identity }: StoredMember): MemberState {
  if (disabled) return "disabled";
  return passwordHash === null && identity === null ? "invited" : "active";
}
