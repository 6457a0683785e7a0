import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Database } from "../database/database.ts";
import { StartRefused } from "../database/start-refused.ts";
import { deriveKey } from "./derive-key.ts";

const NAME = "admin_key_hash";
const PREFIX = "th_admin_";
const LENGTH_MIN = 20;

export interface AdminKey {
  /** The key in clear, only in the process that made it just now: show it once. Otherwise null. */
  readonly made: string | null;
  /** Takes the same time for every wrong key. */
  matches(candidate: string): boolean;
}

/**
 * The admin key of the installation. Given (TOLLHOUSE_ADMIN_KEY): it replaces the stored one, which is also how a lost key is
 * replaced. Not given: the stored one, or a new one of 256 bits at the first start; of several first starts at once, one makes
 * it. The database holds an HMAC of it under a derived key, so a stolen database gives nothing to try guesses on.
 * Throws StartRefused ADMIN_KEY_INVALID.
 */
export async function loadAdminKey(
  database: Database,
  master: Uint8Array,
  fromEnv: string | undefined,
): Promise<AdminKey> {
  const hashKey = deriveKey(master, "admin-key", null);
  const hash = (key: string): Buffer => createHmac("sha256", hashKey).update(key).digest();
  if (fromEnv !== undefined) return given(database, fromEnv, hash);
  const fresh = PREFIX + randomBytes(32).toString("base64url");
  const inserted = await database.query(
    "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    [NAME, hash(fresh).toString("hex")],
  );
  const { rows } = await database.query<{ value: string }>("SELECT value FROM installation WHERE name = $1", [NAME]);
  const stored = Buffer.from(rows[0]?.value ?? "", "hex");
  return { made: inserted.rowCount === 1 ? fresh : null, matches: (candidate) => same(hash(candidate), stored) };
}

async function given(database: Database, key: string, hash: (key: string) => Buffer): Promise<AdminKey> {
  if (key.length < LENGTH_MIN || !/^[\x21-\x7e]+$/.test(key)) {
    throw new StartRefused(
      "ADMIN_KEY_INVALID",
      `TOLLHOUSE_ADMIN_KEY: expected at least ${LENGTH_MIN} visible ASCII characters, got ${key.length} characters`,
    );
  }
  const stored = hash(key);
  await database.query(
    `INSERT INTO installation (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = now() WHERE installation.value <> excluded.value`,
    [NAME, stored.toString("hex")],
  );
  return { made: null, matches: (candidate) => same(hash(candidate), stored) };
}

function same(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
