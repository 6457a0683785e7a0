import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** The most that a hard limit was ever seen above its amount without an overrun, in the limit's unit; 0 = never. */
export async function worstOverspend(db: Database): Promise<bigint> {
  return (await db.query<{ amount: bigint }>(sql("worst-overspend"))).rows[0]?.amount ?? 0n;
}

/** Keeps it, where it is worse than what is kept. */
export async function noteOverspend(db: Database, amount: bigint): Promise<void> {
  await db.query(sql("note-overspend"), [amount]);
}
