import { PassThrough } from "node:stream";
import { TEST_ADMIN_KEY } from "@tollhouse/testkit/started-tollhouse";
import { runCommandLine } from "./command-line.ts";
import type { Terminal } from "./terminal/terminal.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RanOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As if standard output were a terminal of so many columns. */
  readonly columns?: number;
  readonly interrupted?: AbortSignal;
}

/** A command line in this process, its streams kept; `args` in words, those with spaces as an array. */
export async function ran(url: string, args: string | readonly string[], options: RanOptions = {}): Promise<Ran> {
  const { terminal, out, err } = terminalFor(url, options);
  const code = await runCommandLine(typeof args === "string" ? args.split(" ") : args, terminal);
  return { code, out: out(), err: err() };
}

export function terminalFor(url: string, options: RanOptions = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(options.stdin ?? "");
  const env = {
    TOLLHOUSE_URL: url,
    TOLLHOUSE_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_PROFILES: "/nonexistent/profiles.json",
    NO_COLOR: "1",
    ...options.env,
  };
  const terminal: Terminal = {
    env,
    cwd: process.cwd(),
    stdin,
    stdout: options.columns === undefined ? stdout : Object.assign(stdout, { isTTY: true, columns: options.columns }),
    stderr,
    interrupted: options.interrupted ?? new AbortController().signal,
  };
  return { terminal, out: kept(stdout), err: kept(stderr) };
}

/** Runs it, and gives what `--json` said. */
export async function json<T>(url: string, args: string | readonly string[], options: RanOptions = {}): Promise<T> {
  const words = typeof args === "string" ? args.split(" ") : args;
  const { code, out, err } = await ran(url, [...words, "--json"], options);
  if (code !== 0) throw new Error(`${words.join(" ")}: exit ${code}: ${err}`);
  return JSON.parse(out) as T;
}

function kept(stream: PassThrough): () => string {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  return () => Buffer.concat(parts).toString("utf8");
}

/** Looks again and again; fails when it takes too long. */
export async function until(holds: () => boolean, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
