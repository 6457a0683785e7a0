import { readFileSync } from "node:fs";
import { runCommandLine } from "../command-line.ts";

/** Command lines of a file, one after the other on this process's own terminal, and behind each a line with its exit code, which begins with §§. */
const lines = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as string[];
for (const line of lines) {
  const { stdin, stdout, stderr, env } = process;
  const interrupted = new AbortController().signal;
  const code = await runCommandLine(line.split(" "), { env, cwd: "/", stdin, stdout, stderr, interrupted });
  stdout.write(`§§${code} ${line}\n`);
}
