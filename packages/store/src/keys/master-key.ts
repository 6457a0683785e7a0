import { randomBytes } from "node:crypto";
import { chmod, link, readFile, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDataDir } from "../embedded/cluster-home.ts";
import { syncFolder, writeDurably } from "../embedded/durable-files.ts";
import { StartRefused } from "../database/start-refused.ts";

export const MASTER_KEY_FILE = "master.key";
const BYTES = 32;
const EXPECTED = "expected 32 bytes, as 64 hex digits or as base64 (openssl rand -hex 32 makes them)";

export interface MasterKeySource {
  readonly dataDir: string;
  /** TOLLHOUSE_MASTER_KEY, if set. Wins over the file. */
  readonly fromEnv: string | undefined;
  /** With the embedded database the key may be made and kept beside it; otherwise it must be given. */
  readonly embedded: boolean;
  /** The database was written under a key (`hasMasterKey`): one that is lost is not made anew. */
  readonly isTied: boolean;
}

/**
 * The root of every key of this installation: 32 bytes. With the embedded database, and nothing given, it is made at the
 * first start and kept in `<data dir>/master.key` (0600), durable when this resolves: nothing may be signed or encrypted under a
 * key that a power cut takes back. Throws StartRefused MASTER_KEY_INVALID.
 */
export async function loadMasterKey(source: MasterKeySource): Promise<Buffer> {
  if (source.fromEnv !== undefined) return parseMasterKey(source.fromEnv, "TOLLHOUSE_MASTER_KEY");
  if (!source.embedded) {
    throw new StartRefused("MASTER_KEY_INVALID", `TOLLHOUSE_MASTER_KEY: required with DATABASE_URL; ${EXPECTED}`);
  }
  const path = join(await makeDataDir(source.dataDir), MASTER_KEY_FILE);
  const kept = await readKey(path);
  if (kept === null && source.isTied)
    throw new StartRefused(
      "MASTER_KEY_INVALID",
      `${path} is not there, and this database was written under it: put it back, or set TOLLHOUSE_MASTER_KEY`,
    );
  return kept ?? (await makeKey(path));
}

async function readKey(path: string): Promise<Buffer | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new StartRefused("MASTER_KEY_INVALID", `${path} cannot be read: ${String(cause)}`, cause);
  }
  // A copy or a restored backup may have come with wider rights.
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  return parseMasterKey(text.trim(), path);
}

/** Given its name by a link, which never replaces: of two starts at once, the second takes the first one's key. */
async function makeKey(path: string): Promise<Buffer> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeDurably(draft, `${randomBytes(BYTES).toString("hex")}\n`, 0o600);
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(dirname(path));
  const key = await readKey(path);
  if (key === null) throw new Error(`${path} was removed while it was made`);
  return key;
}

/** Reads 64 hex digits, or base64 (also base64url, padded or not). `name` is what the error calls it; the error shows no key. */
export function parseMasterKey(text: string, name: string): Buffer {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, "base64");
  throw new StartRefused("MASTER_KEY_INVALID", `${name}: ${EXPECTED}, got ${text.length} characters of something else`);
}
