import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "./tenant-id.ts";

export interface StoredCheckpoint {
  /** Entries covered. */
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note. */
  readonly note: string;
  readonly madeMs: number;
  /** Kept for ever. */
  readonly firstOfMonth: boolean;
}

interface CheckpointRow {
  readonly size: bigint;
  readonly root: Buffer;
  readonly note: string;
  readonly made_at: Date;
  readonly first_of_month: boolean;
}

/** How far a chain has grown, and how much of it a checkpoint covers. */
export interface ChainGrowth {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly size: number;
  readonly covered: number;
  /** Of the last checkpoint; null = there is none. */
  readonly madeMs: number | null;
}

interface GrowthRow {
  readonly tenant: string;
  readonly size: bigint;
  readonly covered: bigint;
  readonly made_at: Date | null;
}

const SIZE_END = Number.MAX_SAFE_INTEGER;

/** Newest first; `below`: the smallest size of the page before. */
export async function pageOfCheckpoints(
  db: Queryable,
  tenant: string,
  rowsMax: number,
  below = SIZE_END,
): Promise<StoredCheckpoint[]> {
  const { rows } = await db.query<CheckpointRow>(sql("checkpoints-newest"), [tenant, below, rowsMax]);
  return rows.map(checkpointOf);
}

export async function latestCheckpoint(db: Queryable, tenant: string): Promise<StoredCheckpoint | null> {
  const [latest] = await pageOfCheckpoints(db, tenant, 1);
  return latest ?? null;
}

/** Oldest first, of sizes in `from` to `to`. */
export async function checkpointsFrom(
  db: Queryable,
  tenant: string,
  { from, to, rowsMax }: { readonly from: number; readonly to: number; readonly rowsMax: number },
): Promise<StoredCheckpoint[]> {
  const { rows } = await db.query<CheckpointRow>(sql("checkpoints-from"), [tenant, from, to, rowsMax]);
  return rows.map(checkpointOf);
}

/** The first checkpoint that a key signed, by the id that its notes show; null = none. */
export async function firstSignedBy(
  db: Queryable,
  tenant: string,
  keyId: number,
): Promise<{ readonly size: number; readonly madeMs: number } | null> {
  const id = Buffer.alloc(6);
  id.writeUInt32BE(keyId);
  // Of the sixth character two bits are the id's, and four the signature's.
  const start = id.toString("base64").slice(0, 5);
  const { rows } = await db.query<{ size: bigint; made_at: Date }>(sql("first-signed-by"), [tenant, start]);
  const [first] = rows;
  return first === undefined ? null : { size: Number(first.size), madeMs: first.made_at.getTime() };
}

/** In no order; of every tenant that is asked for. */
export async function chainGrowths(db: Queryable, tenants: readonly string[]): Promise<ChainGrowth[]> {
  const { rows } = await db.query<GrowthRow>(sql("chain-growth"), [tenants]);
  return rows.map((row) => ({
    tenant: idOfUuid(row.tenant),
    size: Number(row.size),
    covered: Number(row.covered),
    madeMs: row.made_at?.getTime() ?? null,
  }));
}

function checkpointOf(row: CheckpointRow): StoredCheckpoint {
  return {
    size: Number(row.size),
    root: row.root,
    note: row.note,
    madeMs: row.made_at.getTime(),
    firstOfMonth: row.first_of_month,
  };
}
