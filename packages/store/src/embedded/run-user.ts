import { readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { StartRefused } from "../database/start-refused.ts";

/** The system user the server runs as. `switched` = not the user of this process (PostgreSQL refuses to run as root). */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
  readonly switched: boolean;
}

const ASK_FOR_URL = "set DATABASE_URL to a PostgreSQL server instead";

/** This process's user; for root: `nobody`, which every passwd file has. Throws StartRefused BINARIES_UNUSABLE. */
export async function runUser(): Promise<RunUser> {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  // Windows has no uids; its server drops its own rights.
  if (uid === undefined || gid === undefined) return { uid: -1, gid: -1, switched: false };
  if (uid === 0) return nobody();
  try {
    userInfo();
  } catch (cause) {
    // initdb and postgres look their user up by name and give up without one (OpenShift, docker --user 12345).
    throw new StartRefused(
      "BINARIES_UNUSABLE",
      `the embedded database cannot run as uid ${uid}: it has no entry in the user database (/etc/passwd); ${ASK_FOR_URL}`,
      cause,
    );
  }
  return { uid, gid, switched: false };
}

async function nobody(): Promise<RunUser> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, , uid, gid] =
    passwd
      .split("\n")
      .find((line) => line.startsWith("nobody:"))
      ?.split(":") ?? [];
  if (process.platform !== "linux" || !/^[1-9]\d*$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) {
    throw new StartRefused(
      "BINARIES_UNUSABLE",
      `the embedded database cannot run as root, and there is no user "nobody" to run it as; start as another user, or ${ASK_FOR_URL}`,
    );
  }
  return { uid: Number(uid), gid: Number(gid), switched: true };
}

/** How `spawn` is told of the user: nothing, where it is ours already. */
export function spawnIdentity(user: RunUser): { uid?: number; gid?: number } {
  return user.switched ? { uid: user.uid, gid: user.gid } : {};
}

/**
 * The first folder on the way to `path` (which exists) that the user may not pass, or null. Reads mode bits only: an access
 * list that denies more shows later, as the server's own error.
 */
export async function blockedAt(path: string, user: RunUser): Promise<string | null> {
  for (let folder = resolve(path), child = ""; folder !== child; child = folder, folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return null;
}
