import type { LimitMode, Measure, ScopeKind, WindowKind } from "@tollhouse/contract";
import { LedgerFormatError } from "./ledger-format-error.ts";

/**
 * A limit as a decision saw it. Its scope's value is not repeated: it is what the entry itself says of that axis, so that a user
 * stays a pseudonym here too.
 */
export interface LimitSeen {
  readonly limitId: string;
  readonly scope: ScopeKind;
  readonly measure: Measure;
  readonly window: WindowKind;
  readonly mode: LimitMode;
  /** u32 */
  readonly version: number;
  /** End of the window, microseconds since 1970; null = it does not end. */
  readonly endsUs: bigint | null;
  /** i64, in the limit's unit. */
  readonly amount: bigint;
  readonly settled: bigint;
  readonly reserved: bigint;
}

type Numbers<W extends string> = { readonly [K in W]: number };

/** Words as bytes. Append only: a number is never used for anything else. */
const SCOPES: Numbers<ScopeKind> = {
  org: 0,
  session: 1,
  agent: 2,
  feature: 3,
  service: 4,
  user: 5,
  team: 6,
  customer: 7,
  key: 8,
  model: 9,
  provider: 10,
};
const MEASURES: Numbers<Measure> = { usd: 0, tokens: 1, requests: 2 };
const WINDOWS: Numbers<WindowKind> = { minute: 0, hour: 1, day: 2, month: 3, rolling_24h: 4, lifetime: 5 };
const MODES: Numbers<LimitMode> = { hard: 0, soft: 1 };

/** Of a limit in a body, behind its id: four words, a version and four numbers. */
export const LIMIT_BYTES = 4 + 4 + 4 * 8;

/** How many numbers each of its words has, in their order; none is left out below. */
export const LIMIT_WORDS = [SCOPES, MEASURES, WINDOWS, MODES].map((numbers) => Object.keys(numbers).length);

export type LimitWords = Pick<LimitSeen, "scope" | "measure" | "window" | "mode">;
type LimitNumbers = readonly [scope: number, measure: number, window: number, mode: number];

export function limitNumbers(limit: LimitWords): LimitNumbers {
  return [SCOPES[limit.scope], MEASURES[limit.measure], WINDOWS[limit.window], MODES[limit.mode]];
}

/** Throws LedgerFormatError naming the word whose number is unknown. */
export function limitWords([scope, measure, window, mode]: LimitNumbers): LimitWords {
  return {
    scope: wordOf("scope", SCOPES, scope),
    measure: wordOf("measure", MEASURES, measure),
    window: wordOf("window", WINDOWS, window),
    mode: wordOf("mode", MODES, mode),
  };
}

function wordOf<W extends string>(field: string, numbers: Numbers<W>, number: number): W {
  for (const word of Object.keys(numbers) as W[]) if (numbers[word] === number) return word;
  throw new LedgerFormatError(field, `unknown: ${number}`);
}
