import { createHmac, timingSafeEqual } from "node:crypto";
import type { Database } from "../database/database.ts";
import { StartRefused } from "../database/start-refused.ts";
import { deriveKey } from "./derive-key.ts";

const NAME = "master_key_check";

/**
 * Ties a migrated database to its master key: the first start stores a check value, later ones compare. Under another key
 * every ledger chain would fork and every stored secret be unreadable, so such a start is refused before anything is
 * written: StartRefused MASTER_KEY_WRONG. The check value (an HMAC under a key derived for nothing else) does not reveal the key.
 */
export async function assertMasterKey(database: Database, master: Uint8Array): Promise<void> {
  const check = checkValue(master, await deploymentId(database));
  await database.query("INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [
    NAME,
    check.toString("hex"),
  ]);
  const { rows } = await database.query<{ value: string }>("SELECT value FROM installation WHERE name = $1", [NAME]);
  const stored = Buffer.from(rows[0]?.value ?? "", "hex");
  if (stored.length === check.length && timingSafeEqual(stored, check)) return;
  throw new StartRefused(
    "MASTER_KEY_WRONG",
    "this database was written under another master key; start with that one (TOLLHOUSE_MASTER_KEY, or master.key in the data dir it came from)",
  );
}

/** Has a start, or an import, tied this database to a master key already? */
export async function hasMasterKey(database: Database): Promise<boolean> {
  return (await database.query("SELECT FROM installation WHERE name = $1", [NAME])).rows.length > 0;
}

async function deploymentId(database: Database): Promise<string> {
  const { rows } = await database.query<{ value: string }>(
    "SELECT value FROM installation WHERE name = 'deployment_id'",
  );
  const id = rows[0]?.value;
  if (id === undefined) throw new Error("table installation has no deployment_id: the database is not migrated");
  return id;
}

function checkValue(master: Uint8Array, deployment: string): Buffer {
  const key = deriveKey(master, "master-key-check", null);
  return createHmac("sha256", key).update(`tollhouse/master-key-check/v1\0${deployment}`).digest();
}
