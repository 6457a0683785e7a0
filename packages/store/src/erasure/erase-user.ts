import type { PolicyDocument } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ChainRow } from "../ledger/chain-rows.ts";
import type { EntryDraft } from "../ledger/entry-draft.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";

/** In place of a user in a policy of the past; a policy in force never says it. */
export const ERASED = "erased";

/** The same drafts in order, in parts that no erasure stands in but as their first. */
export function startsWithErasure(drafts: readonly EntryDraft[]): readonly (readonly EntryDraft[])[] {
  const starts = drafts.flatMap((draft, i) => (draft.erases && i > 0 ? [i] : []));
  if (starts.length === 0) return [drafts];
  return [0, ...starts].map((start, i) => drafts.slice(start, starts[i]));
}

/**
 * Salt, readable id and the way to find them, gone: whoever comes under this id is a stranger. Answers the pseudonym that was theirs;
 * null: nobody was known under this id. Must run before the pseudonyms of what follows are looked up, under the lock of the chain.
 */
export async function forgetUser(tx: Queryable, draft: EntryDraft | undefined): Promise<Uint8Array | null> {
  if (draft?.erases === undefined) return null;
  const values = [draft.tenant, Buffer.from(draft.erases.lookup, "hex")];
  return (await tx.query<{ pseudonym: Buffer }>(sql("forget-user"), values)).rows[0]?.pseudonym ?? null;
}

/** Everything else that names the users whom these new entries erase. After all that the batch itself writes. */
export async function eraseNamed(
  tx: Queryable,
  keys: LedgerKeys,
  rows: readonly ChainRow[],
  drafts: readonly EntryDraft[],
): Promise<void> {
  for (const { tenant, entry, fields } of rows) {
    if (entry.type !== "erasure") continue;
    const id = Buffer.from(entry.entryId).toString("hex");
    const draft = drafts.find((each) => each.tenant === tenant && each.entryId === id);
    if (draft?.erases === undefined) throw new Error("an erasure has no draft");
    const { lookup, rows: named } = draft.erases;
    if (fields.user) await tx.query(sql("forget-payloads-of-user"), [tenant, Buffer.from(fields.user)]);
    if (named.limits.length > 0) await tx.query(sql("forget-user-of-limits"), [tenant, named.limits]);
    if (named.blocks.length > 0) await tx.query(sql("forget-user-of-blocks"), [tenant, named.blocks]);
    if (named.keys.length > 0) await tx.query(sql("forget-user-of-keys"), [tenant, named.keys]);
    const isUser = (user: string): boolean => keys.userLookup(tenant, user).toString("hex") === lookup;
    for (const { id: policy, version } of named.policies) await erasePolicyVersion(tx, tenant, policy, version, isUser);
  }
}

async function erasePolicyVersion(
  tx: Queryable,
  tenant: string,
  id: string,
  version: number,
  isUser: (user: string) => boolean,
): Promise<void> {
  const { rows } = await tx.query<{ document: string | null }>(sql("policy-version-to-erase"), [tenant, id, version]);
  const text = rows[0]?.document ?? null;
  if (text === null) return;
  const document = withoutUser(JSON.parse(text) as PolicyDocument, isUser);
  await tx.query(sql("erase-policy-version"), [tenant, id, version, JSON.stringify(document)]);
}

/** A condition cannot be taken apart with a lookup: where one is about users, the whole of it goes. */
function withoutUser(document: PolicyDocument, isUser: (user: string) => boolean): PolicyDocument {
  const { attach, when } = document;
  const isOfUser = attach !== "default" && attach.user !== undefined && isUser(attach.user);
  return {
    ...document,
    ...(isOfUser && { attach: { user: ERASED } }),
    ...(when !== undefined && /\buser\b/.test(when) && { when: `user == "${ERASED}"` }),
  };
}
