import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { CommandFailed } from "../exit-codes.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** What `npm start` runs: it builds what is missing, and finds the pinned runtime. Beside this package in a clone. */
const SETUP = new URL("../../../../scripts/setup.mjs", import.meta.url);

/** Runs until it ends, as this process: its streams, its signals, its exit code. */
function serve({ env, cwd }: Terminal, args: readonly string[]): Promise<void> {
  if (!existsSync(SETUP))
    throw new CommandFailed("missing", "there is no server beside this command line: run it in a clone of Tollhouse");
  // Relative paths are those of whoever typed them, not of the clone (`npm start` says it by the same variable).
  const child = spawn(process.execPath, [fileURLToPath(SETUP), "start", ...args], {
    stdio: "inherit",
    env: { ...env, INIT_CWD: cwd },
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGTERM", forward).on("SIGHUP", forward);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.off("SIGTERM", forward).off("SIGHUP", forward);
      if (code === 0) return resolve();
      reject(
        new CommandFailed("unavailable", `the server ended with ${signal ?? `exit code ${code}`}; why stands above`),
      );
    });
  });
}

export function startCommands(program: Command, terminal: Terminal): void {
  const run = (name: string, args: readonly string[], summary: string): void => {
    program
      .command(`${name} [settings...]`)
      .summary(summary)
      .description(`${summary}; settings as flags: --port 9000, --data-dir DIR, --config FILE (docs/settings.md)`)
      .allowUnknownOption()
      .action((settings: string[]) => serve(terminal, [...args, ...settings]));
  };
  run("start", [], "run Tollhouse here, on its embedded database");
  run("demo", ["--demo"], "the same with simulated providers and a little traffic");
}
