import type { Command } from "commander";
import { atLeastOne, given, moment } from "./arguments.ts";

/** By which usage and calls are filtered, and what a limit is on beside `org`. */
export const DIMENSIONS = [
  "session",
  "agent",
  "feature",
  "service",
  "user",
  "team",
  "customer",
  "model",
  "provider",
  "key",
] as const;

export type Filters = { readonly from?: string; readonly to?: string } & {
  readonly [D in (typeof DIMENSIONS)[number]]?: readonly string[];
};

/** `--from`, `--to`, and a filter for each dimension; several values by comma mean any of them. */
export function withFilters(command: Command): Command {
  command
    .option("--from <time>", "2026-11-21T09:00:00Z, 2026-11-21, or how long ago: 24h, 7d", moment)
    .option("--to <time>", "the same", moment);
  return withDimensions(command);
}

export function withDimensions(command: Command): Command {
  for (const name of DIMENSIONS)
    command.option(`--${name} <values>`, `only of this ${name}, or these by comma`, atLeastOne);
  return command;
}

export function filtersOf(options: Filters): Filters {
  const { from, to } = options;
  return given({ from, to, ...Object.fromEntries(DIMENSIONS.map((name) => [name, options[name]])) }) as Filters;
}
