import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { StartRefused } from "../database/start-refused.ts";
import { disownPostmasterFile, readPostmasterFile } from "./postmaster-file.ts";
import type { RunUser } from "./run-user.ts";

const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 10_000;

/**
 * Ends the server that a killed parent left behind on this cluster, if there is one. To be called by the owner of the lock
 * only: then a live server here can be nobody's. What it has acknowledged is in its log; a fast stop loses nothing.
 * Throws StartRefused DATABASE_DID_NOT_START when it will not stop.
 */
export async function stopOrphan(cluster: string, user: RunUser, log: (line: string) => void): Promise<void> {
  const file = await readPostmasterFile(cluster);
  if (file === null) return;
  if (!(await isServerOf(file.pid, cluster))) {
    // Dead: PostgreSQL sees that itself. Anything else under this pid would make it refuse.
    if (pidTaken(file.pid)) await disownPostmasterFile(cluster, user);
    return;
  }
  log(`stopping the database server (pid ${file.pid}) that an earlier, killed process left running`);
  for (const [signal, waitMs] of [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
  ] as const) {
    signalQuietly(file.pid, signal);
    if (await gone(file.pid, cluster, waitMs)) {
      if (pidTaken(file.pid) && (await readPostmasterFile(cluster)) !== null) await disownPostmasterFile(cluster, user);
      return;
    }
  }
  throw new StartRefused(
    "DATABASE_DID_NOT_START",
    `an earlier database server (pid ${file.pid}) still runs on ${cluster} and does not stop; end it, then start again`,
  );
}

async function gone(pid: number, cluster: string, waitMs: number): Promise<boolean> {
  for (let waited = 0; waited < waitMs; waited += 20) {
    if (!(await isServerOf(pid, cluster))) return true;
    await sleep(20);
  }
  return false;
}

/** True for a live `postgres -D cluster`. A zombie has no command line any more, so it is none. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if (process.platform === "linux") {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    return basename(words[0] ?? "") === "postgres" && words.includes(cluster);
  }
  const line = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => null);
  return line !== null && line.stdout.includes("postgres") && line.stdout.includes(` ${cluster} `);
}

/** Exists, as a zombie too: what PostgreSQL asks before it believes a file to be stale. */
function pidTaken(pid: number): boolean {
  return signalQuietly(pid, 0);
}

function signalQuietly(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
