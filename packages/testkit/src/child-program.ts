import { spawn } from "node:child_process";

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node program of ours as a process of its own. */
export interface ChildProgram {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  stdout(): string;
  stderr(): string;
  /** Steps its wall clock; one that was started without `clockOffMs` keeps the right time. */
  setClock(offMs: number): void;
  /** Resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<ChildEnd>;
}

export interface ChildProgramOptions {
  /** Path of the script. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command that ends in `exec` of what follows it: the pid stays that of the program. */
  readonly inside?: readonly string[];
  /** How far the program's wall clock is off at first: `Date` on its main thread. Its timers and `performance.now()` run as everywhere. */
  readonly clockOffMs?: number;
  /** Of Node, before the script. */
  readonly flags?: readonly string[];
}

/**
 * Its standard input is ours: when this process ends, however it ends, the pipe closes and the program gets a SIGTERM. No hook
 * in a parent does that for a parent that is killed.
 */
const ENDS_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  'process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).on("error", () => {}).resume().unref?.();',
)}`;

/** A machine whose clock is wrong, without a machine: a program of ours takes the time from `Date` alone. Its steps come by the same pipe. */
function withClockOff(ms: number): string {
  return `data:text/javascript,${encodeURIComponent(
    `import { isMainThread } from "node:worker_threads";
     const { now } = Date; let off = ${ms};
     if (isMainThread) process.stdin.on("data", (lines) => (off = Number(String(lines).trim().split(" ").at(-1))));
     globalThis.Date = class extends Date {
       constructor(...parts) { super(...(parts.length === 0 ? [now() + off] : parts)); }
       static now() { return now() + off; }
     };`,
  )}`;
}

export function startChild(options: ChildProgramOptions): ChildProgram {
  const { script, args = [], env = {}, cwd, inside = [], clockOffMs, flags: given = [] } = options;
  const imports = [ENDS_WITH_PARENT, ...(clockOffMs === undefined ? [] : [withClockOff(clockOffMs)])];
  const source = script.endsWith(".ts") ? ["--conditions=@tollhouse/source"] : [];
  const flags = [...imports.map((url) => `--import=${url}`), ...source, ...given];
  const command = [...inside, process.execPath, ...flags, script, ...args];
  const child = spawn(command[0] as string, command.slice(1), {
    // Nothing of the developer's own settings (a DATABASE_URL, an OPENAI_BASE_URL) may reach it. What was compiled once may.
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: "pipe",
    ...(cwd !== undefined && { cwd }),
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => (written[name] += text));
  }
  child.stdin.on("error", () => undefined);
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: child.pid ?? -1,
    ended,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    setClock: (offMs) => void child.stdin.write(` ${offMs}`),
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Polls until `find` gives something. Throws with `expected` when the program ends first, or after `withinMs`. */
export async function untilFound<T>(
  program: ChildProgram,
  find: () => T | null | Promise<T | null>,
  expected: string,
  withinMs: number,
): Promise<T> {
  let end: ChildEnd | null = null;
  void program.ended.then((found) => (end = found));
  for (const deadline = performance.now() + withinMs; ;) {
    const found = await find();
    if (found !== null) return found;
    if (end !== null || performance.now() > deadline)
      throw new Error(`expected ${expected}; ${JSON.stringify(end ?? "still running")}\n${program.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
