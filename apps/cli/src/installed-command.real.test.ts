import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const BIN = fileURLToPath(new URL("../bin/tollhouse.mjs", import.meta.url));
const ADMIN_KEY = "th_admin_for_tests_only";

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-cli-"));
});
afterEach(async () => {
  // Each with all that it started.
  for (const { pid } of children.splice(0)) if (pid !== undefined) killGroup(pid);
  await rm(folder, { recursive: true, force: true });
});

/** As a Node that is too old for the command line would see itself. */
const OLD_NODE = [
  "--import",
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})',
];

function started(flags: readonly string[], ...args: string[]): ChildProcess {
  const env = {
    ...process.env,
    TOLLHOUSE_ADMIN_KEY: ADMIN_KEY,
    TOLLHOUSE_PROFILES: join(folder, "profiles.json"),
    INIT_CWD: "",
  };
  const child = spawn(process.execPath, [...flags, BIN, ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  children.push(child);
  return child;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Ended by itself, as it should.
  }
}

const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode === null ? new Promise((resolve) => child.once("exit", resolve)) : Promise.resolve(child.exitCode);

test("what npm links starts a server that another of its commands finds well; on an old Node it hands over, and SIGTERM ends them all", async () => {
  const server = started(OLD_NODE, "start", "--port", "0", "--data-dir", "kept");
  const url = await new Promise<string>((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: server.stderr as NodeJS.ReadableStream }).on("line", (line) => {
      said.push(line);
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
    server.once("exit", (code) => reject(new Error(`ended with ${code}: ${said.join("\n")}`)));
  });
  const doctor = started([], "doctor", "--url", url, "--json");
  let out = "";
  (doctor.stdout as NodeJS.ReadableStream).on("data", (part: Buffer) => (out += part.toString()));
  expect(await ended(doctor)).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ failed: 0 });
  const { port } = new URL(url);
  const second = started([], "start", "--port", port, "--data-dir", "another");
  let said = "";
  (second.stderr as NodeJS.ReadableStream).on("data", (part: Buffer) => (said += part.toString()));
  expect(await ended(second)).toBe(7);
  expect(said).toMatch(
    new RegExp(
      `^127\\.0\\.0\\.1 port ${port} cannot be listened on \\(EADDRINUSE\\): free it, or name others by --host and --port\n`,
      "m",
    ),
  );
  expect(said).not.toContain("    at ");
  server.kill("SIGTERM");
  expect(await ended(server)).toBe(0);
  // Relative to where it was typed, not to the clone.
  await expect(rm(join(folder, "kept"), { recursive: true })).resolves.toBeUndefined();
});

test.runIf(existsSync("/dev/full"))("a disk that is full is a failure that is said, and no answer", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [BIN, "completion", "bash"], { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  let said = "";
  child.stderr?.on("data", (part: Buffer) => (said += part.toString()));
  expect(await ended(child)).toBe(6);
  expect(said).toMatch(/^tollhouse: standard output cannot be written: ENOSPC/);
});

test("an old Node gets the same exit codes, by the runtime that comes with the packages", async () => {
  expect(await Promise.all([ended(started(OLD_NODE, "--version")), ended(started(OLD_NODE, "limts"))])).toEqual([0, 2]);
});
