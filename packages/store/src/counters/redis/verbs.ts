import type { Verb } from "./counter-scripts.ts";

/** Calls a verb of one tenant: keys after the epoch's prefix, and what follows node and number. The answer's first word says how it went. */
export interface Verbs {
  call(verb: Verb, suffixes: readonly string[], args: readonly string[]): Promise<readonly string[]>;
}
