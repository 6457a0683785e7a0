import type { Queryable } from "./database.ts";
import { StartRefused } from "./start-refused.ts";

/** Acts for one tenant at a time: row-level security holds it to the rows of that one (migrations/0005, 0013). */
export const TENANT_ROLE = "tollhouse_app";
/** Acts for the installation: starts it, and records what the calls of all tenants were. Owns nothing either. */
export const INSTALLATION_ROLE = "tollhouse_installation";

const INSUFFICIENT_PRIVILEGE = "42501";
const INVALID_PARAMETER = "22023";

/**
 * Lets the user that connects act as both roles. To be called after `migrate`, which makes them. Throws StartRefused
 * (DATABASE_ROLES_MISSING).
 */
export async function joinRoles(db: Queryable): Promise<void> {
  for (const role of [TENANT_ROLE, INSTALLATION_ROLE]) {
    if (await mayActAs(db, role)) continue;
    try {
      await db.query(`GRANT ${role} TO CURRENT_USER`);
    } catch (cause) {
      throw rolesRefused(cause) ?? cause;
    }
  }
}

/** PostgreSQL 16 tells acting as a role from having its rights. */
async function mayActAs(db: Queryable, role: string): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(
    "SELECT pg_has_role($1, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) AS may",
    [role],
  );
  return rows[0]?.may === true;
}

/** Null: the error says something else than that a role is not there, or may not be made, given or acted as. */
export function rolesRefused(cause: unknown): StartRefused | null {
  if (!(cause instanceof Error && "code" in cause && /\brole\b/.test(cause.message))) return null;
  if (cause.code !== INSUFFICIENT_PRIVILEGE && cause.code !== INVALID_PARAMETER) return null;
  return new StartRefused(
    "DATABASE_ROLES_MISSING",
    // Roles belong to the server: another database's owner may have made them, and then only an administrator can give them.
    `DATABASE_URL: Tollhouse acts as two roles that own nothing, and its user may not (${cause.message}). Have an administrator run: ` +
      `ALTER ROLE <that user> CREATEROLE; or, where the server has the roles already: GRANT ${TENANT_ROLE}, ${INSTALLATION_ROLE} TO <that user>`,
    cause,
  );
}
