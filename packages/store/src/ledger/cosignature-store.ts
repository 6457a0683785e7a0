import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** What a witness signed beside a checkpoint: it was checked before it is stored. */
export interface Cosignature {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Of the checkpoint. */
  readonly size: number;
  /** Word of the witness's public key. */
  readonly witness: string;
  /** Of a signed note, with its newline. */
  readonly line: string;
  readonly cosignedMs: number;
}

/** Durable when it resolves; doing it again changes nothing. */
export async function insertCosignature(
  db: Queryable,
  { tenant, size, witness, line, cosignedMs }: Cosignature,
): Promise<void> {
  await db.query(sql("insert-cosignature"), [tenant, size, witness, line, new Date(cosignedMs)]);
}

/** The largest checkpoint that this witness cosigned; 0 = none. */
export async function cosignedSize(db: Queryable, tenant: string, witness: string): Promise<number> {
  const { rows } = await db.query<{ size: bigint }>(sql("cosigned-size"), [tenant, witness]);
  return Number(rows[0]?.size ?? 0);
}
