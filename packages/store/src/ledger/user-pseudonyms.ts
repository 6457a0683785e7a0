import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { EntryDraft } from "./entry-draft.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { idBytes, idOfUuid } from "./tenant-id.ts";

interface UserRow {
  readonly tenant: string;
  readonly lookup: Buffer;
  readonly pseudonym: Buffer;
}

/**
 * Pseudonyms of the users of these drafts, by `userName`. Unknown users get a random salt and a row. Must run inside the
 * transaction that appends, and is not cached: a user erased a moment ago must come back as a stranger.
 */
export async function userPseudonyms(
  tx: Queryable,
  keys: LedgerKeys,
  drafts: readonly EntryDraft[],
  keepReadable: boolean,
): Promise<Map<string, Uint8Array>> {
  const wanted = new Map<string, { tenant: string; user: string; lookup: Buffer }>();
  for (const { tenant, user } of drafts) {
    if (user === null) continue;
    const lookup = keys.userLookup(tenant, user);
    wanted.set(userName(tenant, lookup), { tenant, user, lookup });
  }
  const found = new Map<string, Uint8Array>();
  if (wanted.size === 0) return found;
  const all = [...wanted.values()];
  const { rows } = await tx.query<UserRow>(sql("users-by-lookup"), [
    all.map(({ tenant }) => tenant),
    all.map(({ lookup }) => lookup),
  ]);
  for (const row of rows) found.set(userName(idOfUuid(row.tenant), row.lookup), row.pseudonym);
  const strangers = all.filter(({ tenant, lookup }) => !found.has(userName(tenant, lookup)));
  if (strangers.length > 0) await addUsers(tx, strangers, keepReadable, found);
  return found;
}

export function userName(tenant: string, lookup: Uint8Array): string {
  return `${tenant}${Buffer.from(lookup).toString("base64")}`;
}

/** HMAC-SHA256(salt, tenant | user id): nothing links it to the user once the salt is gone. */
export function pseudonymOf(salt: Uint8Array, tenant: string, user: string): Buffer {
  return createHmac("sha256", createSecretKey(salt)).update(idBytes("tenant", tenant)).update(user).digest();
}

/** The chain's lock is held, and every writer of users holds it: no other transaction adds the same user meanwhile. */
async function addUsers(
  tx: Queryable,
  strangers: readonly { tenant: string; user: string; lookup: Buffer }[],
  keepReadable: boolean,
  found: Map<string, Uint8Array>,
): Promise<void> {
  const salts = strangers.map(() => randomBytes(32));
  const pseudonyms = strangers.map(({ tenant, user }, i) => pseudonymOf(salts[i] ?? randomBytes(32), tenant, user));
  await tx.query(sql("insert-users"), [
    strangers.map(({ tenant }) => tenant),
    strangers.map(({ lookup }) => lookup),
    salts,
    pseudonyms,
    strangers.map(({ user }) => (keepReadable ? user.replaceAll("\0", "\uFFFD") : null)),
  ]);
  strangers.forEach(({ tenant, lookup }, i) => found.set(userName(tenant, lookup), pseudonyms[i] ?? new Uint8Array()));
}
