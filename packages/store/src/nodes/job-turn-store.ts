import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** True: from when this was asked on, timed work is this node's alone for so long. */
export async function takeJobTurn(db: Database, node: string, seconds: number): Promise<boolean> {
  return (await db.query(sql("take-job-turn"), [node, seconds])).rowCount === 1;
}

/** Whoever asks next has it. */
export async function leaveJobTurn(db: Database, node: string): Promise<void> {
  await db.query(sql("leave-job-turn"), [node]);
}
