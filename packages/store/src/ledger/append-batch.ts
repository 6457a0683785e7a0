import { decodeBody } from "@tollhouse/ledger";
import { insertBlock, liftBlock } from "../blocks/block-store.ts";
import { changeChecks } from "../recorded-usage/change-checks.ts";
import { eraseNamed, forgetUser, startsWithErasure } from "../erasure/erase-user.ts";
import type { Database, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { OpenCall } from "../spool/open-calls.ts";
import type { Position } from "../spool/position.ts";
import type { Flood } from "./blocked-floods.ts";
import { chainRows, emptyChain, nextMacKeyId } from "./chain-rows.ts";
import type { ChainHead, ChainRow } from "./chain-rows.ts";
import type { EntryDraft } from "./entry-draft.ts";
import { freshDrafts } from "./fresh-drafts.ts";
import { insertRows, RowSums } from "./keep-rows.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { StatementsAhead } from "./statements-ahead.ts";
import { chainLock, idOfUuid } from "./tenant-id.ts";
import { userName, userPseudonyms } from "./user-pseudonyms.ts";

/** Channel on which nodes hear of calls of theirs that another one ended: up to a hundred decisions, parted by commas. */
export const ENDED_ELSEWHERE = "tollhouse_ended_elsewhere";

/** Entries a statement: PostgreSQL inserts them while the next are made. */
const ROWS_AT_ONCE = 250;
/**
 * Entries after which what they add to the roll-ups is sent. When that came behind all entries of a batch, PostgreSQL waited for this thread first, and
 * then this thread for PostgreSQL. Entries come by tenant, so that hardly a row is touched twice for it.
 */
const SUMMED_AT_ONCE = 2000;

/** What the recorder made of a stretch of the spool. */
export interface Batch {
  /** In the order in which they become entries. */
  readonly drafts: readonly EntryDraft[];
  /** Calls open for long, to be kept in the database, and those kept there that ended. */
  readonly stored: readonly OpenCall[];
  readonly ended: readonly string[];
  readonly place: RecorderPlace;
}

export interface RecorderPlace {
  /** Spool folder, 32 hex digits. */
  readonly node: string;
  readonly start: Position;
  readonly done: Position;
  readonly floods: { readonly [tenant: string]: Flood };
}

export interface AppendContext {
  readonly keys: LedgerKeys;
  readonly deploymentId: string;
  /** Keep readable user ids in the erasable table. */
  readonly keepReadable: boolean;
}

/**
 * Appends a batch in one transaction: entries, roll-ups, counter sums, users, and the spool's place; all of it or nothing,
 * durable when this resolves. Drafts whose id is in the ledger already are left out before sequences are given: after a failure
 * of any kind the same batch can be tried again, and changes nothing that is there. Returns how many entries were new.
 */
export function appendBatch(db: Database, context: AppendContext, batch: Batch): Promise<number> {
  return db.transaction(async (tx) => {
    const ahead = new StatementsAhead(tx);
    const appended = await appendEntries({ tx, ahead, context, batch });
    await changeBlocks(tx, batch.drafts);
    await changeChecks(tx, batch.drafts, appended.rows);
    await eraseNamed(tx, context.keys, appended.rows, batch.drafts);
    await keepOpenCalls(tx, batch);
    await endElsewhere(tx, batch.drafts);
    await ahead.done();
    await tx.query(sql("upsert-spool-position"), placeValues(batch.place));
    return appended.entries;
  });
}

interface Appending {
  readonly tx: Queryable;
  readonly ahead: StatementsAhead;
  readonly context: AppendContext;
  readonly batch: Batch;
}

interface Appended {
  readonly entries: number;
  /** Them, where one of the drafts changes more than the chain and its sums; most batches let them go as soon as they are sent. */
  readonly rows: readonly ChainRow[];
}

async function appendEntries(appending: Appending): Promise<Appended> {
  const { tx, ahead, batch } = appending;
  const { drafts } = batch;
  if (drafts.length === 0) return { entries: 0, rows: [] };
  await lockChains(tx, [...new Set(drafts.map((draft) => draft.tenant))]);
  const isKept = drafts.some(({ check, erases }) => check !== undefined || erases !== undefined);
  let sums = new RowSums();
  const kept: ChainRow[] = [];
  let entries = 0;
  for (const part of startsWithErasure(drafts))
    for await (const rows of appendPart(appending, part)) {
      sums.add(rows);
      entries += rows.length;
      if (isKept) kept.push(...rows);
      if (sums.entries < SUMMED_AT_ONCE) continue;
      await sums.keep(ahead.send);
      sums = new RowSums();
    }
  await sums.keep(ahead.send);
  return { entries, rows: kept };
}

/** Rows that were just sent, some at a time. Only the first draft may erase a user: of all others the pseudonym holds from there on. */
async function* appendPart(
  { tx, ahead, context }: Appending,
  drafts: readonly EntryDraft[],
): AsyncGenerator<readonly ChainRow[], void> {
  const tenants = [...new Set(drafts.map((draft) => draft.tenant))];
  const fresh = await freshDrafts(tx, drafts);
  if (fresh.length === 0) return;
  const erased = await forgetUser(tx, fresh[0]);
  const pseudonyms = await userPseudonyms(tx, context.keys, fresh, context.keepReadable);
  const heads = await chainHeads(tx, tenants);
  const { keys, deploymentId } = context;
  let rows: ChainRow[] = [];
  for (const [tenant, own] of Map.groupBy(fresh, (draft) => draft.tenant)) {
    const head = heads.get(tenant) ?? emptyChain(deploymentId, tenant);
    const placed = own.map((draft) => ({
      draft,
      pseudonym: draft.erases ? erased : pseudonymFor(pseudonyms, draft),
    }));
    for (const row of chainRows(keys, deploymentId, tenant, head, placed)) {
      rows.push(row);
      if (rows.length < ROWS_AT_ONCE) continue;
      await insertRows(ahead.send, rows);
      yield rows;
      rows = [];
    }
  }
  if (rows.length === 0) return;
  await insertRows(ahead.send, rows);
  yield rows;
}

function pseudonymFor(pseudonyms: Map<string, Uint8Array>, draft: EntryDraft): Uint8Array | null {
  if (draft.user === null) return null;
  const found = pseudonyms.get(userName(draft.tenant, draft.user));
  if (!found) throw new Error("a user of this batch has no pseudonym");
  return found;
}

/** Ascending by lock key, so that two recorders with several tenants in common never wait for each other in a circle. */
async function lockChains(tx: Queryable, tenants: readonly string[]): Promise<void> {
  const locks = tenants.map(chainLock).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  await tx.query(sql("lock-chains"), [locks]);
}

async function chainHeads(tx: Queryable, tenants: readonly string[]): Promise<Map<string, ChainHead>> {
  const { rows } = await tx.query<{ tenant: string; sequence: bigint; entry_hash: Buffer; body: Buffer }>(
    sql("chain-heads"),
    [tenants],
  );
  return new Map(
    rows.map((row) => [
      idOfUuid(row.tenant),
      { sequence: row.sequence, entryHash: row.entry_hash, macKeyId: nextMacKeyId(decodeBody(row.body)) },
    ]),
  );
}

/** Whether the entry is new or not: what is there already stays as it is, so that a batch can be tried again. */
async function changeBlocks(tx: Queryable, drafts: readonly EntryDraft[]): Promise<void> {
  for (const { tenant, timeMs, block } of drafts) {
    if (block === undefined) continue;
    const place = { tenant, environment: block.environment };
    if (block.lifted !== null) await liftBlock(tx, place, block.lifted, timeMs);
    if (block.made !== null) await insertBlock(tx, place, block.made);
  }
}

async function keepOpenCalls(tx: Queryable, { stored, ended, place }: Batch): Promise<void> {
  if (stored.length > 0)
    await tx.query(sql("upsert-open-calls"), [
      place.node,
      stored.map((call) => call.intent.decision),
      stored.map((call) => JSON.stringify(call.intent)),
      stored.map((call) => call.reservedUsd),
      stored.map((call) => call.reservedTokens),
    ]);
  if (ended.length > 0) await tx.query(sql("delete-open-calls"), [place.node, ended]);
}

/** Whichever node has them open. The end that its recorder comes to later says the same, or amends this one. */
async function endElsewhere(tx: Queryable, drafts: readonly EntryDraft[]): Promise<void> {
  const ended = drafts.filter((draft) => draft.endsElsewhere === true).map((draft) => draft.entryId);
  if (ended.length > 0) await tx.query(sql("end-open-calls"), [ended, ENDED_ELSEWHERE]);
}

function placeValues({ node, start, done, floods }: RecorderPlace): unknown[] {
  return [node, start.segment, start.offset, done.segment, done.offset, JSON.stringify(floods)];
}
