import type { CallFacts, ReasonCode } from "@tollhouse/contract";
import type { Limit } from "../limits/limit.ts";
import type { Giver, SettingName } from "./policy.ts";
import type { Given, PolicyCall, Resolution } from "./resolve.ts";

/** What a rule looks at. */
export interface RuleInput {
  readonly facts: CallFacts;
  readonly priceKnown: boolean;
  /** Limits that no policy gave; those of policies are in the resolution. */
  readonly limits: readonly Limit[];
  readonly resolution: Resolution;
  /** null: the caller has no policies, and none is looked at. */
  readonly call: PolicyCall | null;
  readonly bounds: OutputBounds;
}

/** What it takes to let a call go with a lower output cap rather than to refuse it. */
export interface OutputBounds {
  /** Can the provider be told where to stop, at this endpoint? */
  readonly cappable: boolean;
  /** Nano-dollars of the input alone, and pico-dollars of one output token; null = no price is known. */
  readonly inputUsd: bigint | null;
  readonly outputPico: bigint | null;
  /** False: `inputTokens` is the bound of bytes, which a tokenizer may bring down. */
  readonly inputExact: boolean;
}

/** The value that decided, and the policy that gave it. */
export interface DecidedBy {
  readonly setting: SettingName | "limits";
  readonly giver: Giver;
}

export interface Block {
  readonly code: ReasonCode;
  readonly message: string;
  /** Missing where no policy gave what decided. */
  readonly decidedBy?: DecidedBy;
  /** Only the byte bound of the input is too large: with an exact count, decide again. */
  readonly recount?: boolean;
}

export type Finding =
  /** Nothing is set that the rule could look at. */
  | { readonly outcome: "not_set" }
  | {
      readonly outcome: "passed";
      /** Values that the call was held against. */
      readonly by: readonly DecidedBy[];
      /** The call may go with at most that many output tokens, all choices together. */
      readonly outputLimit?: number;
    }
  | { readonly outcome: "blocked"; readonly block: Block };

export interface Rule {
  /** Of product.md §2. */
  readonly step: number;
  readonly name: string;
  readonly look: (input: RuleInput) => Finding;
}

export const NOT_SET: Finding = Object.freeze({ outcome: "not_set" });

export function passed(setting: SettingName, given: readonly Given<unknown>[]): Finding & { outcome: "passed" } {
  return { outcome: "passed", by: given.map(({ giver }) => ({ setting, giver })) };
}

export function blocked(block: Block): Finding {
  return { outcome: "blocked", block };
}
