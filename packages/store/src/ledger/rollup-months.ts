import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** Each month is there a month before its first row. */
const MONTHS_AHEAD = 1;

/**
 * Makes the partitions of the roll-ups for the months to come, each roll-up in a transaction of its own, and returns how many it made.
 * To be called from time to time by any number of processes; where it was not called in time nothing is lost: rows wait in the
 * partition of all others, and are moved by the next call. Throws where a table is in use for longer than two seconds.
 */
export async function addRollupMonths(db: Queryable, ahead = MONTHS_AHEAD): Promise<number> {
  let made = 0;
  const { rows } = await db.query<{ rollup: string }>(sql("rollups-by-month"));
  for (const { rollup } of rows) {
    const [added] = (await db.query<{ made: number }>(sql("add-rollup-months"), [rollup, ahead])).rows;
    made += added?.made ?? 0;
  }
  return made;
}
