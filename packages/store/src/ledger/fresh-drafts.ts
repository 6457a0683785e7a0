import { decodeBody, decodeFields, ENTRY_TYPES } from "@tollhouse/ledger";
import type { EntryType } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { correctionsOf, isAmended } from "./corrections.ts";
import type { EntryDraft } from "./entry-draft.ts";
import { idOfUuid } from "./tenant-id.ts";

const TYPE_NAMES = new Map<number, EntryType>(
  (Object.keys(ENTRY_TYPES) as EntryType[]).map((name) => [ENTRY_TYPES[name], name]),
);

type Present = Pick<EntryDraft, "type" | "flags">;

/**
 * In order: drafts that the ledger does not have, without a second draft of one id; in place of those that it has from somebody who
 * ended the call for its node, the corrections that amend it. To be asked under the locks of the chains.
 */
export async function freshDrafts(tx: Queryable, drafts: readonly EntryDraft[]): Promise<EntryDraft[]> {
  const there = await entriesPresent(tx, drafts);
  const amended = drafts.filter((draft) => {
    const entry = there.get(nameOf(draft));
    return entry !== undefined && isAmended(entry, draft);
  });
  const known = amended.length === 0 ? new Map<string, EntryDraft>() : await storedDrafts(tx, amended);
  const fresh: EntryDraft[] = [];
  let corrections: EntryDraft[] = [];
  for (const draft of drafts) {
    const name = nameOf(draft);
    const before = known.get(name);
    if (before === undefined && there.has(name)) continue;
    if (before === undefined) fresh.push(draft);
    else if (!isAmended(before, draft)) continue;
    else corrections.push(...correctionsOf(before, draft));
    known.set(name, draft);
  }
  if (corrections.length === 0) return fresh;
  const made = await entriesPresent(tx, corrections);
  corrections = corrections.filter((draft) => !made.has(nameOf(draft)));
  return inOrder(drafts, fresh, corrections);
}

/** Corrections stand where the draft stood that they were made of: an erasure between two drafts parts what is before it from what is after. */
function inOrder(
  drafts: readonly EntryDraft[],
  fresh: readonly EntryDraft[],
  corrections: readonly EntryDraft[],
): EntryDraft[] {
  const isFresh = new Set(fresh);
  const byEntry = Map.groupBy(corrections, ({ tenant, refId }) => tenant + refId);
  return drafts.flatMap((draft) => {
    if (isFresh.has(draft)) return [draft];
    const own = byEntry.get(nameOf(draft)) ?? [];
    byEntry.delete(nameOf(draft));
    return own;
  });
}

function nameOf({ tenant, entryId }: EntryDraft): string {
  return tenant + entryId;
}

async function entriesPresent(tx: Queryable, drafts: readonly EntryDraft[]): Promise<Map<string, Present>> {
  const { rows } = await tx.query<{ tenant: string; entry_id: string; type: number; flags: number }>(
    sql("entries-present"),
    [drafts.map((draft) => draft.tenant), drafts.map((draft) => draft.entryId)],
  );
  return new Map(
    rows.map((row) => [
      idOfUuid(row.tenant) + idOfUuid(row.entry_id),
      { type: TYPE_NAMES.get(row.type) as EntryType, flags: row.flags },
    ]),
  );
}

async function storedDrafts(tx: Queryable, drafts: readonly EntryDraft[]): Promise<Map<string, EntryDraft>> {
  const { rows } = await tx.query<{ tenant: string; body: Buffer }>(sql("entries-to-amend"), [
    drafts.map((draft) => draft.tenant),
    drafts.map((draft) => draft.entryId),
  ]);
  return new Map(
    rows.map(({ tenant, body }) => {
      const draft = storedDraft(idOfUuid(tenant), body);
      return [nameOf(draft), draft];
    }),
  );
}

/** An entry as the draft it was made of; of its user only the pseudonym is known. */
function storedDraft(tenant: string, body: Buffer): EntryDraft {
  const { type, flags, entryId, timeUs, amountNano, usageSource, fields } = decodeBody(body);
  return {
    type,
    flags,
    tenant,
    entryId: Buffer.from(entryId).toString("hex"),
    timeMs: Number(timeUs) / 1000,
    amountNano,
    usageSource,
    user: null,
    fields: decodeFields(fields),
  };
}
