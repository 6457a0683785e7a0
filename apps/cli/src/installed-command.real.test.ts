import { spawn, type ChildProcess } from "node:child_process";
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
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function started(...args: string[]): ChildProcess {
  const env = {
    ...process.env,
    TOLLHOUSE_ADMIN_KEY: ADMIN_KEY,
    TOLLHOUSE_PROFILES: join(folder, "profiles.json"),
    INIT_CWD: "",
  };
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode === null ? new Promise((resolve) => child.once("exit", resolve)) : Promise.resolve(child.exitCode);

test("what npm links starts a server that another of its commands finds well, and SIGTERM ends it as it ends the server", async () => {
  const server = started("start", "--port", "0", "--data-dir", "kept");
  const url = await new Promise<string>((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: server.stderr as NodeJS.ReadableStream }).on("line", (line) => {
      said.push(line);
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
    server.once("exit", (code) => reject(new Error(`ended with ${code}: ${said.join("\n")}`)));
  });
  const doctor = started("doctor", "--url", url, "--json");
  let out = "";
  (doctor.stdout as NodeJS.ReadableStream).on("data", (part: Buffer) => (out += part.toString()));
  expect(await ended(doctor)).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ failed: 0 });
  server.kill("SIGTERM");
  expect(await ended(server)).toBe(0);
  // Relative to where it was typed, not to the clone.
  await expect(rm(join(folder, "kept"), { recursive: true })).resolves.toBeUndefined();
});
