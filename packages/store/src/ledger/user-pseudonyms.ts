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
  // An HMAC a user and not one an entry. Two ids can be one user: what is no UTF-8 is the same to the HMAC.
  const rowOf = new Map<string, string>();
  for (const { tenant, user } of drafts) {
    if (user === null || rowOf.has(userName(tenant, user))) continue;
    const lookup = keys.userLookup(tenant, user);
    rowOf.set(userName(tenant, user), rowName(tenant, lookup));
    wanted.set(rowName(tenant, lookup), { tenant, user, lookup });
  }
  const found = new Map<string, Uint8Array>();
  if (wanted.size === 0) return found;
  const all = [...wanted.values()];
  const { rows } = await tx.query<UserRow>(sql("users-by-lookup"), [
    all.map(({ tenant }) => tenant),
    all.map(({ lookup }) => lookup),
  ]);
  for (const row of rows) found.set(rowName(idOfUuid(row.tenant), row.lookup), row.pseudonym);
  const strangers = all.filter(({ tenant, lookup }) => !found.has(rowName(tenant, lookup)));
  if (strangers.length > 0) await addUsers(tx, strangers, keepReadable, found);
  const byUser = new Map<string, Uint8Array>();
  for (const [user, row] of rowOf) byUser.set(user, found.get(row) as Uint8Array);
  return byUser;
}

/** Tenants are of one length, so nothing can be read two ways. */
export function userName(tenant: string, user: string): string {
  return tenant + user;
}

function rowName(tenant: string, lookup: Buffer): string {
  return tenant + lookup.toString("base64");
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
  strangers.forEach(({ tenant, lookup }, i) => found.set(rowName(tenant, lookup), pseudonyms[i] ?? new Uint8Array()));
}
