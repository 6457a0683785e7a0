import { existsSync, readdirSync, readFileSync } from "node:fs";

/** CPU that a process and its children used so far, in microseconds, by what it was used for. Linux only (`/proc`). */
export interface ProcessTimes {
  /** Thread of the event loop. */
  readonly main: number;
  /** Worker threads of JavaScript: recorder and tokenizers. */
  readonly workers: number;
  /** Garbage collector, compiler and thread pool. */
  readonly runtime: number;
  /** Child processes: the embedded PostgreSQL. */
  readonly children: number;
}

export const CAN_MEASURE_CPU = existsSync("/proc/self/task");

/** The kernel counts in ticks of 10 ms everywhere that this runs. */
const TICK_US = 10_000;
/** What Node and V8 call the threads that are not ours. */
const RUNTIME_THREAD = /^(V8Worker|libuv-worker|DelayedTask|SignalInspect|node$)/;

interface Stat {
  readonly name: string;
  readonly parent: number;
  readonly us: number;
  /** And of its children that ended: PostgreSQL's workers come and go. */
  readonly usWithEnded: number;
}

export function processTimes(pid: number): ProcessTimes {
  const times = { main: 0, workers: 0, runtime: 0, children: 0 };
  for (const thread of threadsOf(pid)) {
    const stat = readStat(`/proc/${pid}/task/${thread}/stat`);
    if (stat === null) continue;
    if (thread === pid) times.main += stat.us;
    else if (RUNTIME_THREAD.test(stat.name)) times.runtime += stat.us;
    else times.workers += stat.us;
  }
  for (const child of descendants(pid)) times.children += readStat(`/proc/${child}/stat`)?.usWithEnded ?? 0;
  return times;
}

export function timesBetween(before: ProcessTimes, after: ProcessTimes): ProcessTimes {
  return {
    main: after.main - before.main,
    workers: after.workers - before.workers,
    runtime: after.runtime - before.runtime,
    children: after.children - before.children,
  };
}

/** Threads that record rather than serve: worker threads, and every process below. */
export function recordingIds(pid: number): number[] {
  const workers = threadsOf(pid).filter((thread) => {
    const stat = thread === pid ? null : readStat(`/proc/${pid}/task/${thread}/stat`);
    return stat !== null && !RUNTIME_THREAD.test(stat.name);
  });
  return [...workers, ...descendants(pid)];
}

/** Resident memory of the process itself, MiB. */
export function residentMib(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? Number.NaN) / 1_024;
}

function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readStat(`/proc/${name}/stat`) : null;
    if (stat !== null) parents.set(Number(name), stat.parent);
  }
  const isBelow = (child: number): boolean => {
    for (let at = parents.get(child); at !== undefined && at > 1; at = parents.get(at)) if (at === pid) return true;
    return false;
  };
  return [...parents.keys()].filter(isBelow);
}

/** Null: it ended meanwhile. */
function readStat(path: string): Stat | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  // The name is in parentheses and may contain anything, parentheses and spaces included.
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  const ticks = (from: number): number => Number(fields[from]) + Number(fields[from + 1]);
  return {
    name: text.slice(text.indexOf("(") + 1, nameEnd),
    parent: Number(fields[1]),
    us: ticks(11) * TICK_US,
    usWithEnded: (ticks(11) + ticks(13)) * TICK_US,
  };
}
