import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StartRefused } from "../database/start-refused.ts";
import { syncFolder, writeDurably } from "./durable-files.ts";
import { blockedAt, type RunUser } from "./run-user.ts";

/**
 * The folder that holds one embedded database: `cluster/` (PostgreSQL's), `run/` (its socket), `lock`, and, where needed, the
 * binaries. Usually `<data dir>/postgres`.
 *
 * Started by root the server runs as `nobody`, who cannot pass a folder such as /root (0700). Then the home is
 * `/var/lib/tollhouse/<hash of the data dir>` and `<data dir>/postgres.location` says so. That file decides from then on, so
 * that a later start never makes a second, empty database beside the first.
 */
export interface ClusterHome {
  readonly path: string;
  readonly cluster: string;
  readonly run: string;
}

export const POINTER_FILE = "postgres.location";
const SYSTEM_FOLDER = "/var/lib/tollhouse";

/** Finds or makes the home of a data dir. Throws StartRefused DATA_DIR_UNUSABLE rather than open another database than before. */
export async function clusterHome(dataDir: string, user: RunUser, systemFolder = SYSTEM_FOLDER): Promise<ClusterHome> {
  try {
    const home = await homePath(await makeDataDir(dataDir), user, systemFolder);
    return { path: home, cluster: join(home, "cluster"), run: join(home, "run") };
  } catch (cause) {
    if (cause instanceof StartRefused) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refuse(`TOLLHOUSE_DATA_DIR ${dataDir} cannot be used: ${reason}`, cause);
  }
}

/** Others may pass (0711) but not list: `nobody` must get to the database below it. Secrets in it are 0600 each. */
export async function makeDataDir(dataDir: string): Promise<string> {
  await makeFolders(dataDir, 0o711);
  return realpath(dataDir);
}

/** As mkdir -p, durably, with this mode for each folder it makes, whatever the umask (root's may be 077). */
async function makeFolders(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = resolve(path); folder.length >= resolve(first).length; folder = dirname(folder)) {
    await chmod(folder, mode);
    await syncFolder(dirname(folder));
  }
}

async function homePath(dataDir: string, user: RunUser, systemFolder: string): Promise<string> {
  const pointed = await readPointer(dataDir);
  if (pointed !== null) return pointed;
  const inside = join(dataDir, "postgres");
  const blocked = user.switched ? await blockedAt(dataDir, user) : null;
  if (blocked === null) return makeHome(inside, user);
  if (await exists(join(inside, "cluster"))) {
    throw refuse(`the database in ${inside} exists, but user nobody cannot pass ${blocked}; chmod o+x ${blocked}`);
  }
  const outside = join(systemFolder, createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
  await makeHome(outside, user);
  await writeDurably(join(dataDir, POINTER_FILE), `${outside}\n`, 0o644);
  return outside;
}

async function readPointer(dataDir: string): Promise<string | null> {
  const file = join(dataDir, POINTER_FILE);
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const path = text.trim();
  if (await exists(path)) return path;
  throw refuse(
    `${file} says that the database is in ${path}, which is not there; bring it back, or remove the file to start with an empty database`,
  );
}

/** The home belongs to us and only `cluster` and `run` to the server's user, so that it cannot plant links for root to follow. */
async function makeHome(path: string, user: RunUser): Promise<string> {
  await makeFolders(path, user.switched ? 0o711 : 0o700);
  const { uid } = await stat(path);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) throw refuse(`${path} belongs to uid ${uid}; start as that user`);
  const blocked = user.switched ? await blockedAt(path, user) : null;
  if (blocked !== null)
    throw refuse(`user nobody, as whom the database runs, cannot pass ${blocked}; chmod o+x ${blocked}`);
  return path;
}

/** Gives a path to the server's user, where that is not ours. */
export async function giveTo(user: RunUser, path: string): Promise<void> {
  if (user.switched) await chown(path, user.uid, user.gid);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function refuse(message: string, cause?: unknown): StartRefused {
  return new StartRefused("DATA_DIR_UNUSABLE", message, cause);
}
