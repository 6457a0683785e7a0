import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { EntryDraft } from "./entry-draft.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { idBytes } from "./tenant-id.ts";

interface UserRow {
  /** Of those that were asked for, from 1. */
  readonly n: number;
  readonly pseudonym: Buffer;
}

/** Somebody who is looked for; two ids can be one user: what is no UTF-8 is the same to the HMAC. */
interface Wanted {
  readonly tenant: string;
  readonly user: string;
  readonly lookup: Buffer;
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
  const names = new Set<string>();
  const wanted: Wanted[] = [];
  for (const { tenant, user } of drafts) {
    if (user === null || names.has(userName(tenant, user))) continue;
    names.add(userName(tenant, user));
    wanted.push({ tenant, user, lookup: keys.userLookup(tenant, user) });
  }
  if (wanted.length === 0) return new Map();
  const { rows } = await tx.query<UserRow>(sql("users-by-lookup"), [
    wanted.map(({ tenant }) => tenant),
    wanted.map(({ lookup }) => lookup),
  ]);
  const found = new Map(rows.map(({ n, pseudonym }) => [wanted[n - 1] as Wanted, pseudonym]));
  const strangers = wanted.filter((each) => !found.has(each));
  if (strangers.length > 0) await addUsers(tx, strangers, keepReadable, found);
  return new Map([...found].map(([{ tenant, user }, pseudonym]) => [userName(tenant, user), pseudonym]));
}

/** Tenants are of one length, so nothing can be read two ways. */
export function userName(tenant: string, user: string): string {
  return tenant + user;
}

/** HMAC-SHA256(salt, tenant | user id): nothing links it to the user once the salt is gone. */
export function pseudonymOf(salt: Uint8Array, tenant: string, user: string): Buffer {
  return createHmac("sha256", createSecretKey(salt)).update(idBytes("tenant", tenant)).update(user).digest();
}

/** The chain's lock is held, and every writer of users holds it: no other transaction adds the same user meanwhile. */
async function addUsers(
  tx: Queryable,
  strangers: readonly Wanted[],
  keepReadable: boolean,
  found: Map<Wanted, Uint8Array>,
): Promise<void> {
  const rows = new Map<string, Wanted & { readonly salt: Buffer; readonly pseudonym: Buffer }>();
  for (const stranger of strangers) {
    const { tenant, user, lookup } = stranger;
    const name = tenant + lookup.toString("base64");
    let row = rows.get(name);
    if (row === undefined) {
      const salt = randomBytes(32);
      rows.set(name, (row = { ...stranger, salt, pseudonym: pseudonymOf(salt, tenant, user) }));
    }
    found.set(stranger, row.pseudonym);
  }
  const made = [...rows.values()];
  await tx.query(sql("insert-users"), [
    made.map(({ tenant }) => tenant),
    made.map(({ lookup }) => lookup),
    made.map(({ salt }) => salt),
    made.map(({ pseudonym }) => pseudonym),
    made.map(({ user }) => (keepReadable ? user.replaceAll("\0", "\uFFFD") : null)),
  ]);
}
