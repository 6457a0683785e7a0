import { runCommandLine } from "./command-line.ts";
import { EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal/terminal.ts";

const interrupt = new AbortController();
process.once("SIGINT", () => {
  interrupt.abort();
  // A second one ends it whatever it waits for.
  process.once("SIGINT", () => process.exit(130));
});

const terminal: Terminal = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: interrupt.signal,
};

// `tollhouse calls list | head`: who reads has enough, and that is no failure. A full disk is one, and must not look like an answer.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done.code);
  process.stderr.write(`tollhouse: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.refused.code);
});

process.exitCode = await runCommandLine(process.argv.slice(2), terminal);
