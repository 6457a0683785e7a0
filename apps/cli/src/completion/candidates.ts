import type { Command, Option } from "commander";

/** What may stand where the cursor is, with a word of what it does. */
export interface Candidate {
  readonly word: string;
  readonly what: string;
}

/** `words`: behind the name of the program, the one that is being typed as the last. Nothing is asked of a server. */
export function candidates(program: Command, words: readonly string[], profiles: readonly string[]): Candidate[] {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { command, options } = walked(program, before);
  const pending = options.find((option) => takesValue(option) && isNamed(option, before.at(-1)));
  if (pending !== undefined) return starting(valuesOf(pending, profiles), typed);
  if (typed.startsWith("-")) return starting(options.filter(({ hidden }) => !hidden).map(optionCandidate), typed);
  return starting([...childrenOf(command), ...choicesOf(command, before)], typed);
}

interface Walked {
  readonly command: Command;
  /** Of the command and of all above it. */
  readonly options: readonly Option[];
}

function walked(program: Command, words: readonly string[]): Walked {
  let [command, options] = [program, optionsOf(program)];
  let isValue = false;
  for (const word of words) {
    const option = options.find((each) => isNamed(each, word));
    const child = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (isValue) isValue = false;
    else if (option !== undefined) isValue = takesValue(option);
    else if (child !== undefined) [command, options] = [child, [...optionsOf(child), ...options]];
  }
  return { command, options };
}

function optionsOf(command: Command): Option[] {
  return [...command.options];
}

function isNamed({ short, long }: Option, word: string | undefined): boolean {
  return word !== undefined && (word === short || word === long);
}

function takesValue({ required, variadic }: Option): boolean {
  return required || variadic;
}

function childrenOf(command: Command): Candidate[] {
  return command.commands
    .filter((child) => !child.name().startsWith("__"))
    .map((child) => ({ word: child.name(), what: child.summary() || child.description() }));
}

/** Of the first argument that is not given yet. */
function choicesOf(command: Command, before: readonly string[]): Candidate[] {
  const given = before.slice(before.lastIndexOf(command.name()) + 1).filter((word) => !word.startsWith("-")).length;
  return (command.registeredArguments[given]?.argChoices ?? []).map((word) => ({ word, what: "" }));
}

function valuesOf(option: Option, profiles: readonly string[]): Candidate[] {
  const words = option.attributeName() === "profile" ? profiles : (option.argChoices ?? []);
  return words.map((word) => ({ word, what: "" }));
}

function optionCandidate({ long, short, description }: Option): Candidate {
  return { word: long ?? short ?? "", what: description };
}

function starting(all: readonly Candidate[], typed: string): Candidate[] {
  const seen = new Set<string>();
  return all.filter(({ word }) => word.startsWith(typed) && !seen.has(word) && seen.add(word));
}
