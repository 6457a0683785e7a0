import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ChainRow } from "../ledger/chain-rows.ts";
import type { EntryDraft } from "../ledger/entry-draft.ts";

/**
 * In the transaction of the entries, of which `rows` are new. What is there already stays as it is, so that a batch can be tried again. A check
 * that somebody ended before its time was over is not listed as expired.
 */
export async function changeChecks(
  tx: Queryable,
  drafts: readonly EntryDraft[],
  rows: readonly ChainRow[],
): Promise<void> {
  const changed = drafts.filter((draft) => draft.check !== undefined);
  if (changed.length === 0) return;
  const said = saidIn(rows);
  await keepExpired(
    tx,
    changed.filter(({ tenant, entryId }) => said.has(tenant + entryId)),
  );
  await keepRecorded(tx, changed);
}

/** Decisions that these entries are of; of one that is said anew, the one it stands for. */
function saidIn(rows: readonly ChainRow[]): ReadonlySet<string> {
  return new Set(
    rows.map(({ tenant, entry }) => {
      const isRestated = entry.type === "correction" && (entry.flags & ENTRY_FLAGS.restated) !== 0;
      return tenant + Buffer.from(isRestated ? entry.refId : entry.entryId).toString("hex");
    }),
  );
}

async function keepExpired(tx: Queryable, changed: readonly EntryDraft[]): Promise<void> {
  const expired = changed.filter((draft) => draft.check?.change === "expired");
  if (expired.length === 0) return;
  await tx.query(sql("insert-expired-checks"), [
    expired.map((draft) => draft.tenant),
    expired.map((draft) => draft.fields.environment),
    expired.map((draft) => draft.entryId),
    expired.map((draft) => draft.fields.provider),
    expired.map((draft) => draft.fields.model),
    expired.map((draft) => draft.fields.reserved ?? 0n),
    expired.map((draft) => new Date(draft.timeMs)),
    expired.map((draft) => new Date(draft.check?.atMs ?? draft.timeMs)),
  ]);
}

async function keepRecorded(tx: Queryable, changed: readonly EntryDraft[]): Promise<void> {
  const late: [tenant: string, environment: string, check: string, entry: string][] = [];
  const once: [tenant: string, environment: string, name: string, body: string, answer: string, at: Date][] = [];
  const payloads: [tenant: string, environment: string, entry: string, sealed: string, at: Date, until: Date][] = [];
  for (const { tenant, entryId, fields, check } of changed) {
    if (check?.change !== "recorded") continue;
    const environment = fields.environment ?? "";
    const at = new Date(check.atMs);
    if (check.check !== null) late.push([tenant, environment, check.check, entryId]);
    for (const { name, body, answer } of check.once) once.push([tenant, environment, name, body, answer, at]);
    const { payload } = check;
    if (payload) payloads.push([tenant, environment, entryId, payload.sealed, at, new Date(payload.expiresMs)]);
  }
  if (late.length > 0) await tx.query(sql("confirm-expired-checks"), columns(late));
  if (once.length > 0) await tx.query(sql("insert-recorded-once"), columns(once));
  if (payloads.length > 0) await tx.query(sql("insert-payloads"), columns(payloads));
}

/** Rows as one array a column, as `unnest` takes them. */
function columns(rows: readonly (readonly unknown[])[]): unknown[] {
  return (rows[0] ?? []).map((_, i) => rows.map((row) => row[i]));
}
