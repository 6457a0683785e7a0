import type { MemberRole } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** How long a session lies unused before it ends, and how long it lasts at most. */
export const SESSION_IDLE_S: number = 12 * 3_600;
export const SESSION_S: number = 7 * 24 * 3_600;

/** Whose session it is, as the member is now. */
export interface FoundSession {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  readonly expiresMs: number;
}

interface SessionRow extends Omit<FoundSession, "expiresMs"> {
  readonly expires_at: Date;
  readonly unwritten: boolean;
}

/** Begins a session; durable when it resolves. Null: the member is disabled or gone. */
export async function insertSession(
  db: Queryable,
  tenant: string,
  hash: Uint8Array,
  member: string,
): Promise<number | null> {
  await db.query(sql("delete-ended-member-sessions"), [tenant, SESSION_IDLE_S]);
  const { rows } = await db.query<{ expires_at: Date }>(sql("insert-member-session"), [
    tenant,
    hash,
    member,
    SESSION_S,
  ]);
  return rows[0]?.expires_at.getTime() ?? null;
}

/** Null: there is none, it has ended, or its member is disabled. A use is written down once a minute, not with each request. */
export async function findSession(db: Queryable, tenant: string, hash: Uint8Array): Promise<FoundSession | null> {
  const { rows } = await db.query<SessionRow>(sql("member-session"), [tenant, hash, SESSION_IDLE_S]);
  const [row] = rows;
  if (row === undefined) return null;
  if (row.unwritten) await db.query(sql("touch-member-session"), [tenant, hash]);
  const { id, email, name, role } = row;
  return { id, email, name, role, expiresMs: row.expires_at.getTime() };
}

export async function deleteSession(db: Queryable, tenant: string, hash: Uint8Array): Promise<void> {
  await db.query(sql("delete-member-session"), [tenant, hash]);
}

export async function deleteSessionsOf(db: Queryable, tenant: string, member: string): Promise<void> {
  await db.query(sql("delete-sessions-of-member"), [tenant, member]);
}
