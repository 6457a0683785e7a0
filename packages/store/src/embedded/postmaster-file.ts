import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveTo } from "./cluster-home.ts";
import type { RunUser } from "./run-user.ts";

/** What `postmaster.pid` says (PostgreSQL, src/include/utils/pidfile.h). */
export interface PostmasterFile {
  readonly pid: number;
  /** Line 8: it takes connections. */
  readonly ready: boolean;
}

/** null = there is none, or it is being written. */
export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | null> {
  const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return { pid, ready: lines[7]?.trim() === "ready" };
}

/**
 * Makes the server see past a stale file whose pid belongs to something else by now (a zombie nobody reaps, or, after a
 * container's restart, any process). Removing it would also remove the key of the shared memory by which PostgreSQL sees
 * that a backend of the dead server is still writing; so only the pid is changed, to ours: the one pid, besides its own, that
 * a new server takes for stale is its parent's.
 */
export async function disownPostmasterFile(cluster: string, user: RunUser): Promise<void> {
  const path = join(cluster, "postmaster.pid");
  const text = await readFile(path, "utf8");
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, text.replace(/^.*/, String(process.pid)), { flag: "wx", mode: 0o600 });
  await giveTo(user, draft);
  await rename(draft, path);
}
