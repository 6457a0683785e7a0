import { Command, CommanderError, type OutputConfiguration } from "commander";
import { callCommands } from "./commands/calls.ts";
import { completionCommands } from "./commands/completion.ts";
import { keyCommands } from "./commands/keys.ts";
import { ledgerCommands } from "./commands/ledger.ts";
import { budgetCommands, limitCommands } from "./commands/limits.ts";
import { memberCommands } from "./commands/members.ts";
import { policyCommands } from "./commands/policies.ts";
import { profileCommands } from "./commands/profiles.ts";
import { auditCommands, reportCommands } from "./commands/reports.ts";
import { anomalyCommands, checkCommands, priceCommands } from "./commands/rules.ts";
import { retentionCommands } from "./commands/retention.ts";
import { sessionCommands } from "./commands/sessions.ts";
import { startCommands } from "./commands/start.ts";
import { blockCommands, killCommands } from "./commands/stops.ts";
import { systemCommands } from "./commands/system.ts";
import { providerKeyCommands, tenantCommands } from "./commands/tenants.ts";
import { planCommands, userCommands } from "./commands/users.ts";
import { styled, columnsOf, type Terminal } from "./terminal/terminal.ts";

const FIRST = "Begin:";

type Family = (program: Command, terminal: Terminal) => void;

/** As `tollhouse --help` shows them: what a newcomer needs first stands first. */
const GROUPS: Readonly<Record<string, readonly Family[]>> = {
  [FIRST]: [startCommands, profileCommands, completionCommands],
  "See what happens:": [systemCommands, reportCommands, callCommands, checkCommands],
  "What may be spent:": [budgetCommands, limitCommands, sessionCommands],
  "Stop something:": [killCommands, blockCommands],
  "Rules:": [policyCommands, planCommands, anomalyCommands, priceCommands],
  "Who is who:": [keyCommands, memberCommands, userCommands, tenantCommands, providerKeyCommands],
  "What can be proven:": [ledgerCommands, auditCommands, retentionCommands],
};

const WIDTH_MAX = 80;

/** The whole tree of commands. It runs nothing and reads nothing until it is parsed. */
export function programOf(terminal: Terminal, version: string): Command {
  const program = new Command("tollhouse")
    .description("The tollhouse of your AI calls: what was spent, what may be, and who is stopped.")
    .version(version, "-V, --version", "the version of this command line")
    .option("-p, --profile <name>", "which installation (`tollhouse config`)")
    .option("--url <address>", "another address than the profile's")
    .option("-e, --environment <name>", "which environment; else the key's own, or prod")
    .option("--tenant <name>", "which tenant (the admin key only)")
    .option("--json", "the answer as JSON, for scripts")
    .option("-y, --yes", "do not ask")
    .helpOption("-h, --help", "what there is, also behind any command")
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (text) => styled(terminal, "bold", text),
      subcommandTerm: (command) => command.name(),
    })
    .addHelpText("after", MORE)
    .showSuggestionAfterError();
  for (const [heading, families] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const family of families) family(program, terminal);
    if (heading === FIRST) program.helpCommand("help [command]", "what there is of a command");
  }
  finish(program, outputOf(terminal));
  return program;
}

const MORE = `
These options stand behind any command as well. TOLLHOUSE_URL and TOLLHOUSE_KEY
go before the profile. Every command and exit code: docs/cli.md`;

/** Commander copies these to a command when it is made, and ours are made before they are complete. */
function finish(command: Command, output: OutputConfiguration): void {
  command.configureOutput(output).exitOverride();
  command.showHelpAfterError(`Usage: ${command.createHelp().commandUsage(command)}`);
  // The help of a family would stand under the heading of the program's own.
  if (command.parent !== null && command.commands.length > 0)
    command.commandsGroup("Commands:").helpCommand("help [command]", "what there is of a command");
  for (const child of command.commands) finish(child, output);
}

function outputOf(terminal: Terminal): OutputConfiguration {
  return {
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => terminal.stderr.write(text),
    getOutHelpWidth: () => Math.min(columnsOf(terminal), WIDTH_MAX),
    getErrHelpWidth: () => WIDTH_MAX,
    getOutHasColors: () => true,
    getErrHasColors: () => true,
    outputError: (text, write) => write(text.replace(/^error: /, "tollhouse: ")),
  };
}

export function isUsageError(error: unknown): error is CommanderError {
  return error instanceof CommanderError;
}
