// docs/cli.md: every command with what it takes, of the tree that the command line runs.
import { PassThrough } from "node:stream";
import type { Command, Option } from "commander";
import { EXIT } from "../apps/cli/src/exit-codes.ts";
import { programOf } from "../apps/cli/src/program.ts";

/** The tree is described, and not run: nobody reads or writes. */
const NOBODY = {
  env: {},
  cwd: "/",
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  interrupted: new AbortController().signal,
};

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function optionRow(option: Option): string {
  const choices =
    option.argChoices === undefined ? "" : `: ${option.argChoices.map((choice) => `\`${choice}\``).join(", ")}`;
  const fallback = option.defaultValue === undefined ? "" : ` (default: \`${String(option.defaultValue)}\`)`;
  return `| \`${cell(option.flags)}\` | ${cell(`${option.description}${choices}${fallback}`)}${option.mandatory ? "; required" : ""} |`;
}

function optionTable(options: readonly Option[]): string[] {
  const shown = options.filter(({ hidden }) => !hidden);
  return shown.length === 0 ? [] : [["| option | |", "|---|---|", ...shown.map(optionRow)].join("\n")];
}

function usageOf(command: Command, path: string): string {
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.argChoices?.join("|") ?? argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [path, ...words].join(" ");
}

function leaf(command: Command, path: string, level: string): string[] {
  // As code: `<scope>` would be a tag.
  return [`${level} \`${usageOf(command, path)}\``, sentence(command.description()), ...optionTable(command.options)];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

function described(command: Command): string[] {
  const own = command.commands.filter((child) => child.name() !== "help");
  if (own.length === 0) return leaf(command, command.name(), "###");
  return [
    `### \`${command.name()}\``,
    sentence(command.description()),
    ...own.flatMap((child) => leaf(child, `${command.name()} ${child.name()}`, "####")),
  ];
}

function groups(program: Command): string[] {
  const shown = program.commands.filter((command) => command.name() !== "help" && !command.name().startsWith("__"));
  const headings = [...new Set(shown.map((command) => command.helpGroup()))];
  return headings.flatMap((heading) => [
    `## ${heading.replace(/:$/, "")}`,
    ...shown.filter((command) => command.helpGroup() === heading).flatMap(described),
  ]);
}

export function cliReference(): string {
  const program = programOf(NOBODY, "");
  const exits = Object.values(EXIT).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return `${[
    "# The command line",
    `Everything that the control API can do, from a terminal. In a clone, after \`npm run build\`: \`npx tollhouse …\`.

\`\`\`sh
tollhouse login                                  # the address, and the key: typed unseen, or on standard input
tollhouse doctor                                 # is everything well?
tollhouse budgets set session:run-42 25.00
tollhouse usage --from 7d --group-by model,team
tollhouse calls tail
tollhouse calls explain dec_…                    # why was it blocked?
tollhouse kill agent researcher --reason "spends at night" --for 1h
tollhouse policies apply -f policies.yaml        # shows the plan, asks, applies
tollhouse ledger verify --pin checkpoint.txt
\`\`\`

**Which installation, and as whom.** An option wins over a variable (\`TOLLHOUSE_URL\`, \`TOLLHOUSE_KEY\` or \`TOLLHOUSE_ADMIN_KEY\`,
\`TOLLHOUSE_ENVIRONMENT\`, \`TOLLHOUSE_TENANT\`, \`TOLLHOUSE_PROFILE\`), a variable over the profile, the profile over \`http://127.0.0.1:8787\`. Profiles
are in \`~/.config/tollhouse/profiles.json\` (\`tollhouse config path\`), readable by their owner alone; the key of one goes to its own address
and to no other. A key is never an option: other users of a machine see those.

**For scripts.** \`--json\` prints what the API answered, lists with all their pages; a failure leaves standard output empty, but for commands whose
answer is the failure (\`ledger verify\`, \`policies diff\`, \`doctor\`), and says one line on standard error: the problem itself with \`--json\`. The secret of
a new key stands alone on standard output. What cannot be taken back asks first, and wants \`--yes\` where nobody can be asked. A table is as
wide as its terminal, and cuts nothing in a pipe.

**Tab** completes commands, options and their values: \`eval "$(tollhouse completion bash)"\`; also for zsh and fish.

Made from \`apps/cli/src/program.ts\`; do not edit.`,
    "## Exit codes",
    ["| code | meaning |", "|---|---|", ...exits].join("\n"),
    "## Options of every command",
    ...optionTable(program.options),
    ...groups(program),
  ].join("\n\n")}\n`;
}
