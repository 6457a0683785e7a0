import type { BlockKind, Scope } from "@tollhouse/contract";
import { parseScope } from "@tollhouse/contract/dimensions";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** Something that stops calls: a kill switch, an entry of the blocklist, a frozen session. Never changed, only lifted. */
export interface Block {
  readonly id: string;
  readonly kind: BlockKind;
  readonly scope: Scope;
  readonly reason: string;
  readonly operator: string;
  readonly createdMs: number;
  /** null = until it is lifted. */
  readonly expiresMs: number | null;
}

/** What a change of a block does to the table: a session that is frozen anew is lifted and made. */
export interface BlockChange {
  readonly environment: string;
  /** An id. */
  readonly lifted: string | null;
  readonly made: Block | null;
}

interface BlockRow {
  readonly id: string;
  readonly kind: BlockKind;
  readonly scope: string;
  readonly reason: string;
  readonly operator: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

const PAGE = 5000;

/** One that is there already stays as it is, lifted or not. */
export async function insertBlock(db: Queryable, place: LimitPlace, block: Block): Promise<void> {
  const { id, kind, scope, reason, operator, createdMs, expiresMs } = block;
  const expires = expiresMs === null ? null : new Date(expiresMs);
  const values = [place.tenant, place.environment, id, kind, scope, reason, operator, new Date(createdMs), expires];
  await db.query(sql("insert-block"), values);
}

/** One that is lifted already stays as it was. */
export async function liftBlock(db: Queryable, place: LimitPlace, id: string, liftedMs: number): Promise<void> {
  await db.query(sql("lift-block"), [place.tenant, place.environment, id, new Date(liftedMs)]);
}

/** Those in force or expired, by id, in pages. Those that expired before `expiredSinceMs` are left out: nobody asks for them any more. */
export async function* listBlocks(
  db: Queryable,
  place: LimitPlace,
  expiredSinceMs: number,
): AsyncGenerator<Block, void> {
  for (let after = ""; ;) {
    const values = [place.tenant, place.environment, after, new Date(expiredSinceMs), PAGE];
    const { rows } = await db.query<BlockRow>(sql("blocks"), values);
    yield* rows.map(blockOf);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.id;
  }
}

/** `lifted`: ids of those that stop nobody any more. An id in neither has no row. */
export async function readBlocks(
  db: Queryable,
  place: LimitPlace,
  ids: readonly string[],
): Promise<{ readonly blocks: Block[]; readonly lifted: string[] }> {
  const values = [place.tenant, place.environment, ids];
  const { rows } = await db.query<BlockRow & { readonly lifted: boolean }>(sql("blocks-by-id"), values);
  // Of an erased user the scope is gone, and every block was lifted before.
  return {
    blocks: rows.filter(({ lifted }) => !lifted).map(blockOf),
    lifted: rows.filter(({ lifted }) => lifted).map(({ id }) => id),
  };
}

/** Calls of the scope that were let through since, as far as the recorder has come. Throws RangeError naming `scope`. */
export async function callsInScope(
  db: Queryable,
  keys: LedgerKeys,
  place: LimitPlace,
  scope: Scope,
  sinceMs: number,
): Promise<number> {
  const parsed = parseScope(scope);
  if (parsed === null) throw new RangeError("scope: expected `org` or `<dimension>:<value>`");
  const { kind, value } = parsed;
  const lookup = kind === "user" ? keys.userLookup(place.tenant, value) : null;
  const { rows } = await db.query<{ calls: bigint }>(sql("calls-in-scope"), [
    place.tenant,
    place.environment,
    kind,
    kind === "org" ? "org" : value,
    lookup,
    Math.floor(sinceMs) * 1_000,
  ]);
  return Number(rows[0]?.calls ?? 0);
}

function blockOf(row: BlockRow): Block {
  return {
    id: row.id,
    kind: row.kind,
    scope: row.scope,
    reason: row.reason,
    operator: row.operator,
    createdMs: row.created_at.getTime(),
    expiresMs: row.expires_at === null ? null : row.expires_at.getTime(),
  };
}
