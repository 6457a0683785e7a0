import { ProblemAnswer } from "./api/api.ts";
import { CommandFailed, EXIT, type Exit } from "./exit-codes.ts";
import { isUsageError, programOf } from "./program.ts";
import { plain } from "./terminal/table.ts";
import { remark, type Terminal } from "./terminal/terminal.ts";
import { VERSION } from "./version.ts";

/** Runs one command line, without the name of the program, and gives its exit code. Throws only what is a bug of ours. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await programOf(terminal, VERSION).parseAsync(argv, { from: "user" });
    return EXIT.done.code;
  } catch (error) {
    return EXIT[await told(error, terminal, argv.includes("--json"))].code;
  }
}

async function told(error: unknown, terminal: Terminal, json: boolean): Promise<Exit> {
  // Commander has said it already.
  if (isUsageError(error)) return error.exitCode === 0 ? "done" : "usage";
  if (terminal.interrupted.aborted || (error instanceof Error && error.name === "AbortError")) return "interrupted";
  const failed = ofTheSystem(error) ?? ofTheConnection(error) ?? error;
  if (!(failed instanceof CommandFailed)) throw error;
  remark(terminal, json ? JSON.stringify(asJson(failed)) : `tollhouse: ${plain(await lineOf(failed))}`);
  return failed.exit;
}

/** A file that cannot be read or written: the system says why, and where it was opened by its name, which. */
function ofTheSystem(error: unknown): CommandFailed | null {
  const isIt = error instanceof Error && "syscall" in error && "errno" in error;
  return isIt ? new CommandFailed("refused", error.message) : null;
}

/** An answer that was read as it came, and broke off: what `fetch` throws then has no code but that of its cause. */
function ofTheConnection(error: unknown): CommandFailed | null {
  if (!(error instanceof TypeError) || error.message !== "terminated") return null;
  const why = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return new CommandFailed("unavailable", `the answer broke off before its end${why}`);
}

function asJson(error: CommandFailed): object {
  return error instanceof ProblemAnswer
    ? error.problem
    : { error: error.message, next: error.next, exit_code: EXIT[error.exit].code };
}

/** What is wrong, and what to do about it where the reason code says. */
async function lineOf(error: CommandFailed): Promise<string> {
  if (!(error instanceof ProblemAnswer)) return error.next === null ? error.message : `${error.message}. ${error.next}`;
  // The table of codes brings its schemas along, which take longer to load than most commands take to run.
  const { CODES } = await import("@tollhouse/contract");
  const next: string | undefined = CODES[error.problem.reason_code]?.next;
  return next === undefined || error.message.includes(next)
    ? error.message
    : `${error.message.replace(/\.?$/, ".")} ${next}`;
}
