import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { openDatabase, type OpenDatabase } from "@tollhouse/store";

/** A database of its own for one test file: empty, or with the schema of this release. */
export interface TestDatabase {
  readonly db: OpenDatabase;
  /** For further connections and child processes. */
  readonly url: string;
  /** Closes `db` and removes the database, whoever else is connected. */
  drop(): Promise<void>;
}

/** What the server process writes when it is up (test-server.ts). */
export interface TestServerState {
  /** URL of the maintenance database. */
  readonly url?: string;
  readonly error?: string;
  /** Of the process that wrote this. */
  readonly pid: number;
}

export const TEMPLATE = "tollhouse_template";
const START_MS_MAX = 60_000;

/**
 * Clones the migrated template (`migrated: false`: an empty database). The real PostgreSQL behind it is started by the first
 * test that asks, once a run of the tests, in a process of its own; it ends, and its folder goes, when the run has ended,
 * however that ended.
 */
export async function testDatabase(options: { readonly migrated?: boolean } = {}): Promise<TestDatabase> {
  const serverUrl = await sharedServer();
  const name = `test_${randomBytes(8).toString("hex")}`;
  await administer(
    serverUrl,
    `CREATE DATABASE ${name} TEMPLATE ${options.migrated === false ? "template1" : TEMPLATE}`,
  );
  const url = serverUrl.replace(/\/[^/?]+\?/, `/${name}?`);
  const db = await openDatabase({ url }, { connectionsMax: 5 });
  const drop = async (): Promise<void> => {
    await db.close();
    await administer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { db, url, drop };
}

async function administer(url: string, statement: string): Promise<void> {
  const server = await openDatabase({ url }, { connectionsMax: 1 });
  try {
    await server.query(statement);
  } finally {
    await server.close();
  }
}

/**
 * The process whose life is the run: vitest's main process, seen from one of its workers; outside vitest, ourselves. Test files do
 * not share memory, so they meet in a folder named after it.
 */
function runPid(): number {
  const inWorkerProcess = process.env["VITEST"] !== undefined && isMainThread;
  return inWorkerProcess ? process.ppid : process.pid;
}

async function sharedServer(): Promise<string> {
  const pid = runPid();
  const folder = join(tmpdir(), `tollhouse-test-${pid}`);
  if (await madeFolder(folder)) launch(folder, pid);
  for (let waited = 0; waited < START_MS_MAX; waited += 20) {
    const state = await readState(folder);
    if (state !== null && !isAlive(state.pid)) await clearAway(folder, pid);
    else if (state?.error !== undefined) throw new Error(`the test database did not start: ${state.error}`);
    else if (state?.url !== undefined) return state.url;
    await sleep(20);
  }
  throw new Error(`the test database did not start within ${START_MS_MAX} ms`);
}

/** True for exactly one of all who ask: that one starts the server. */
async function madeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o711 });
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return false;
  }
}

/** A killed server of an earlier run that had the same pid. */
async function clearAway(folder: string, pid: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  if (await madeFolder(folder)) launch(folder, pid);
}

/** Also of a process that is not ours. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function readState(folder: string): Promise<TestServerState | null> {
  const text = await readFile(join(folder, "state.json"), "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as TestServerState);
}

function launch(folder: string, pid: number): void {
  const program = new URL(import.meta.url.endsWith(".ts") ? "./test-server.ts" : "./test-server.js", import.meta.url);
  const args = ["--conditions=@tollhouse/source", program.pathname, folder, String(pid)];
  // Not ours to end: it watches the run by itself, since the worker that happens to start it ends with its test file.
  const child = spawn(process.execPath, args, { detached: true, stdio: "ignore", env: { PATH: process.env["PATH"] } });
  child.once("error", () => void rm(folder, { recursive: true, force: true }));
  child.unref();
}
