import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { StartRefused } from "../database/start-refused.ts";

/** Held from before the database is looked at until after it has stopped. */
export interface OwnerLock {
  release(): void;
}

/**
 * Takes the one ownership of a folder, or throws StartRefused DATA_DIR_IN_USE that names the owner.
 *
 * The lock is a real one of the kernel (fcntl, LockFileEx), held by an open file. So it ends with its process, however that
 * dies; a zombie holds none; a reused pid, or the same pid 1 in two containers on one volume, cannot be mistaken for the owner;
 * and there is no stale lock to take over, hence no race in taking it over. A file with a pid has all of these faults. Node
 * offers no file lock by itself; its built-in SQLite does: an exclusive transaction that is never ended. Nothing is stored in it.
 *
 * Never read `path` in this process: closing a second descriptor of a file drops a process's fcntl locks on it. The
 * owner's name is therefore in a file beside it, for people and for the message only.
 */
export async function takeOwnerLock(path: string): Promise<OwnerLock> {
  const lock = new DatabaseSync(path, { timeout: 0 });
  const ownerFile = `${path}.owner`;
  try {
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (!isBusy(cause))
      throw new StartRefused("DATA_DIR_UNUSABLE", `${path} cannot be locked: ${String(cause)}`, cause);
    const owner = (await readFile(ownerFile, "utf8").catch(() => "")).trim() || "another process";
    throw new StartRefused(
      "DATA_DIR_IN_USE",
      `the data dir is in use by ${owner}; a data dir serves one process at a time`,
    );
  }
  await writeFile(ownerFile, `pid ${process.pid} on ${hostname()}\n`);
  return { release: () => lock.close() };
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
