import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** How long somebody may take at their identity provider. */
export const SIGN_IN_REQUEST_S: number = 10 * 60;

/** `db`: as the installation. */
export async function insertSignInRequest(db: Queryable, id: string): Promise<void> {
  await db.query(sql("insert-sign-in-request"), [id, SIGN_IN_REQUEST_S]);
}

/** When it was made, to the first who asks; null to all others, and where it is too old. */
export async function takeSignInRequest(db: Queryable, id: string): Promise<Date | null> {
  const { rows } = await db.query<{ made_at: Date; fresh: boolean }>(sql("take-sign-in-request"), [
    id,
    SIGN_IN_REQUEST_S,
  ]);
  return rows[0]?.fresh === true ? rows[0].made_at : null;
}
