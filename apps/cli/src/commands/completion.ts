import { Argument, type Command } from "commander";
import { candidates } from "../completion/candidates.ts";
import { candidateLine, COMPLETION_SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts";
import { readProfiles } from "../profiles/profiles.ts";
import { acting } from "../run.ts";
import { say, type Terminal } from "../terminal/terminal.ts";

export function completionCommands(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description('what makes Tab complete: `eval "$(tollhouse completion bash)"` in the shell\'s own file')
    .summary("make Tab complete commands and options")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(acting(terminal, (_run, shell: Shell) => say(terminal, [COMPLETION_SCRIPTS[shell]])));
  // What those scripts ask at each Tab.
  program
    .command("__complete", { hidden: true })
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .argument("[words...]")
    .action((shell: Shell, words: string[]) => {
      const found = candidates(program, words, profileNames(terminal));
      say(
        terminal,
        found.map((each) => candidateLine(shell, each)),
      );
    });
}

/** Whatever is wrong with the file, a Tab is no place to say it. */
function profileNames({ env }: Terminal): string[] {
  try {
    return Object.keys(readProfiles(env).profiles);
  } catch {
    return [];
  }
}
