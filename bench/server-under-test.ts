import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { moveTo, LOAD_CORE, pinned, SERVER_CORE } from "./pinned-process.ts";
import { recordingIds } from "./process-times.ts";

/** The built server as `npm start` runs it, in a process of its own, on its embedded PostgreSQL. */
export interface ServerUnderTest {
  readonly pid: number;
  readonly port: number;
  /** From the start of the process until `/ready` said yes. */
  readonly startedInMs: number;
  control(method: string, path: string, body?: unknown): Promise<void>;
  /** Everything that was called is in the ledger. */
  drained(): Promise<void>;
  /** Puts recorder and PostgreSQL on the core of the load, or back beside the call path. */
  recordOn(core: "load" | "server"): void;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** `apps/server/dist/main.js`. */
  readonly entry: string;
  readonly dataDir: string;
  readonly upstreamPort: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Left where the system puts it, as all that it starts. Absent: all on one core. */
  readonly isFree?: boolean;
  /** Flags of Node, besides those of `npm start`. */
  readonly flags?: readonly string[];
}

const ADMIN_KEY = "th_admin_for_the_benchmark";
const READY_MS_MAX = 120_000;
const DRAINED_MS_MAX = 600_000;

/** The eight scopes of B1, all hard, measures and windows mixed; none is ever reached. */
const LIMITS = [
  ["session:session-0", "usd", "1000000", "lifetime"],
  ["agent:contract-reader", "usd", "1000000", "day"],
  ["feature:compare-versions", "tokens", "9000000000", "month"],
  ["service:documents", "requests", "9000000000", "hour"],
  ["user:user-0", "tokens", "9000000000", "day"],
  ["team:legal", "usd", "1000000", "month"],
  ["customer:acme", "usd", "1000000", "rolling_24h"],
  ["org", "usd", "1000000", "month"],
] as const;

export async function startServer(options: ServerOptions): Promise<ServerUnderTest> {
  const log = openSync(join(options.dataDir, "server.log"), "a");
  const argv = [...(options.flags ?? []), "--max-semi-space-size=64", options.entry] as const;
  const [command, args] =
    options.isFree === true ? [process.execPath, argv] : pinned(SERVER_CORE, [process.execPath, ...argv]);
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.dataDir,
    stdio: ["ignore", log, "pipe"],
    env: {
      PATH: process.env["PATH"],
      TOLLHOUSE_PORT: "0",
      TOLLHOUSE_DATA_DIR: options.dataDir,
      TOLLHOUSE_ADMIN_KEY: ADMIN_KEY,
      OPENAI_API_KEY: "sk-benchmark",
      OPENAI_BASE_URL: `http://127.0.0.1:${options.upstreamPort}/v1`,
      DEFAULT_BUDGET: "0",
      LOG_LEVEL: "info",
      ...options.env,
    },
  });
  closeSync(log);
  const address = await addressIn(child);
  await poll(async () => (await fetch(`${address}/ready`)).ok, READY_MS_MAX, "the server did not become ready");
  const startedInMs = performance.now() - startedAt;
  const pid = child.pid as number;
  return {
    pid,
    port: Number(new URL(address).port),
    startedInMs,
    control: (method, path, body) => control(address, method, path, body),
    drained: () => poll(async () => (await lagRecords(address)) === 0, DRAINED_MS_MAX, "the recorder is behind"),
    recordOn: (core) => moveTo(core === "load" ? LOAD_CORE : SERVER_CORE, recordingIds(pid)),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

export async function makeLimits(server: ServerUnderTest): Promise<void> {
  for (const [scope, measure, amount, window] of LIMITS)
    await server.control("POST", "/api/v1/limits", { scope, measure, amount, window, mode: "hard" });
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "tollhouse-bench-"));
  const remove = async (): Promise<void> => {
    // Started by root, PostgreSQL runs as somebody else, and its data lies where that one can read it (packages/store/src/embedded).
    const elsewhere = await readFile(join(path, "postgres.location"), "utf8").catch(() => "");
    if (elsewhere.trim() !== "") await rm(elsewhere.trim(), { recursive: true, force: true });
    await rm(path, { recursive: true, force: true });
  };
  return { path, remove };
}

/** The address stands in the banner; a start that fails says why in the same place. */
async function addressIn(child: ReturnType<typeof spawn>): Promise<string> {
  let text = "";
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    const found = /ready at (http:\/\/\S+)/.exec(text)?.[1];
    if (found === undefined) continue;
    child.stderr!.on("data", (more) => process.stderr.write(more as Buffer));
    return found;
  }
  throw new Error(`the server did not start: ${text}`);
}

async function control(address: string, method: string, path: string, body: unknown): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
  const response = await fetch(`${address}${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
}

async function lagRecords(address: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return Number(/^tollhouse_recorder_lag_records(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1] ?? Number.NaN);
}

async function poll(isTrue: () => Promise<boolean>, msMax: number, otherwise: string): Promise<void> {
  for (const deadline = performance.now() + msMax; performance.now() < deadline; await delay(20))
    if (await isTrue()) return;
  throw new Error(otherwise);
}
