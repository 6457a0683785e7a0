import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import { seconds } from "./arguments.ts";
import { CommandFailed } from "./exit-codes.ts";
import type { Run } from "./run.ts";
import { remark } from "./terminal/terminal.ts";

const EVERY_S = 2;
/** Home, then clear what is below: the old text goes as the new one comes, and nothing flickers. */
const CLEAR = "\u001b[H\u001b[J";

/** `-W`: `-w` is the window of a limit. */
export function withWatch(command: Command): Command {
  return command.option("-W, --watch [every]", `show it again and again, until Ctrl-C (default: ${EVERY_S}s)`, seconds);
}

/** Once, or every few seconds until Ctrl-C; for those who read JSON, one answer after the other. `load` gives what then shows it. */
export async function watching(
  run: Run,
  every: number | true | undefined,
  load: () => Promise<() => void>,
): Promise<void> {
  if (every === undefined) return (await load())();
  const everyS = every === true ? EVERY_S : Math.max(1, every);
  const { stdout, interrupted } = run.terminal;
  if (stdout.isTTY !== true && !run.json) throw new CommandFailed("usage", "--watch: expected a terminal, or --json");
  while (!interrupted.aborted) {
    const show = await load();
    if (!run.json) stdout.write(CLEAR);
    show();
    if (!run.json) remark(run.terminal, `every ${everyS} s, Ctrl-C ends it`);
    await wait(everyS * 1_000, undefined, { signal: interrupted }).catch(() => {});
  }
}
