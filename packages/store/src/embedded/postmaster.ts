import { setTimeout as sleep } from "node:timers/promises";
import { StartRefused } from "../database/start-refused.ts";
import { stopOrphan } from "./orphan.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { describeEnd, startChild, type RunningChild } from "./server-process.ts";
import { serverArguments } from "./server-settings.ts";
import type { RunUser } from "./run-user.ts";

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the process has ended. Safe to repeat. */
  stop(): Promise<void>;
}

export interface ServerPlace {
  readonly program: string;
  readonly cluster: string;
  readonly socketFolder: string;
  readonly port: number;
}

/** Replaying the log after a crash takes as long as it takes; this is for a server that hangs. */
const READY_MS_MAX = 300_000;
/**
 * What a new server says while the backends of a server that was killed alone have not seen yet that it is dead; and when the
 * orphan of a parent killed in this very moment of its own start was faster to write postmaster.pid.
 */
const LEFTOVERS = /still in use|lock file .* already exists/;
const LEFTOVERS_MS_MAX = 15_000;
const FAST_STOP_MS = 60_000;
const IMMEDIATE_STOP_MS = 15_000;

/** Starts the server and waits until it takes connections. Throws StartRefused DATABASE_DID_NOT_START with its last words. */
export async function startPostmaster(
  place: ServerPlace,
  user: RunUser,
  log: (line: string) => void,
  onDeath?: (reason: string) => void,
): Promise<Postmaster> {
  const args = serverArguments(place.cluster, place.socketFolder, place.port);
  for (const started = Date.now(); ;) {
    const child = startChild(place.program, args, user, log);
    if (await becomesReady(child, place.cluster)) return supervise(child, onDeath);
    const inUse = child.lines.some((line) => LEFTOVERS.test(line));
    if (!inUse || Date.now() - started > LEFTOVERS_MS_MAX) throw await didNotStart(child);
    await sleep(100);
    await stopOrphan(place.cluster, user, log);
  }
}

/** False when it ended instead. Reads postmaster.pid, as pg_ctl does: the first moment at which a connection is not refused. */
async function becomesReady(child: RunningChild, cluster: string): Promise<boolean> {
  let ended = false;
  void child.ended.then(() => (ended = true));
  for (let waited = 0; waited < READY_MS_MAX; waited += 10) {
    const file = await readPostmasterFile(cluster);
    if (ended) return false;
    if (file !== null && file.pid === child.pid && file.ready) return true;
    await sleep(10);
  }
  await stopChild(child);
  return false;
}

async function didNotStart(child: RunningChild): Promise<StartRefused> {
  const said = child.lines.findLast((line) => /FATAL|PANIC|could not/.test(line)) ?? child.lines.at(-1) ?? "no output";
  return new StartRefused(
    "DATABASE_DID_NOT_START",
    `the embedded database did not start (${describeEnd(await child.ended)}: ${said})`,
  );
}

function supervise(child: RunningChild, onDeath: ((reason: string) => void) | undefined): Postmaster {
  let stopping: Promise<void> | undefined;
  void child.ended.then((end) => {
    if (stopping === undefined) onDeath?.(`the embedded database ended unexpectedly (${describeEnd(end)})`);
  });
  return { pid: child.pid ?? -1, stop: () => (stopping ??= stopChild(child)) };
}

/** Fast (roll back, checkpoint), then immediate (its log is replayed at the next start); both keep what was acknowledged. */
async function stopChild(child: RunningChild): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
  ] as const) {
    child.kill(signal);
    const timer = new AbortController();
    const late = sleep(waitMs, "late" as const, { signal: timer.signal }).catch(() => "late" as const);
    const first = await Promise.race([child.ended, late]);
    timer.abort();
    if (first !== "late") return;
  }
  child.kill("SIGKILL");
  await child.ended;
}
