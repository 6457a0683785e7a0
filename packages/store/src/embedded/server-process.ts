import { spawn, type ChildProcess } from "node:child_process";
import { SERVER_ENVIRONMENT } from "./server-settings.ts";
import { spawnIdentity, type RunUser } from "./run-user.ts";

/** How a child ended: its exit code or signal, or why it could not be started. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly failure: string | null;
}

export interface RunningChild {
  readonly pid: number | undefined;
  readonly ended: Promise<ChildEnd>;
  /** Lines it has written so far; the last 50. */
  readonly lines: readonly string[];
  kill(signal: NodeJS.Signals): void;
}

const LINES_KEPT = 50;

/**
 * Starts one of PostgreSQL's programs. In a process group of its own, so that a terminal's Ctrl-C reaches us and not it: we
 * stop it when our last write is done. With a fixed folder: the server's user may not be allowed in ours. Should this process
 * exit without stopping it (an uncaught error), it is told to stop as the last thing we do.
 */
export function startChild(
  program: string,
  args: readonly string[],
  user: RunUser,
  log: (line: string) => void,
): RunningChild {
  const child = spawn(program, args, {
    ...spawnIdentity(user),
    cwd: "/",
    detached: true,
    env: SERVER_ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    log(line);
  };
  const kill = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const lastThing = (): void => kill("SIGINT");
  process.once("exit", lastThing);
  const ended = endOf(child).finally(() => process.off("exit", lastThing));
  eachLine(child.stdout, keep);
  eachLine(child.stderr, keep);
  return { pid: child.pid, ended, lines, kill };
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      // Also emitted when a signal could not be sent; only a child that never started has no pid.
      if (child.pid === undefined) resolve({ code: null, signal: null, failure: error.message });
    });
    child.once("exit", (code, signal) => resolve({ code, signal, failure: null }));
  });
}

function eachLine(stream: NodeJS.ReadableStream | null, tell: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.trim() !== "") tell(part.trimEnd());
  });
}

/** How a child ended, in words. */
export function describeEnd(end: ChildEnd): string {
  if (end.failure !== null) return end.failure;
  return end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
}
