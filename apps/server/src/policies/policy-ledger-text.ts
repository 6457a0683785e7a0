import type { PolicyVersion } from "@tollhouse/contract";

/**
 * A policy as the ledger has it. A user id is erasable, and an entry is not: neither what a policy of one user is attached to nor a
 * condition on users is in it; the table of versions has both, by id and version.
 */
export function policyLedgerText(policy: PolicyVersion): string {
  const { attach, when } = policy;
  const ofUser = attach !== "default" && attach.user !== undefined;
  const namesUsers = when !== undefined && /\buser\b/.test(when);
  return JSON.stringify({ ...policy, ...(ofUser && { attach: "user" }), ...(namesUsers && { when: "user" }) });
}
