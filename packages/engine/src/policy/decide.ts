import type { CallFacts } from "@tollhouse/contract";
import type { Limit } from "../limits/limit.ts";
import { CAP_RULES } from "./cap-rules.ts";
import { identityRule, priceRule } from "./limit-rules.ts";
import { LIST_RULES } from "./list-rules.ts";
import type { SettingName } from "./policy.ts";
import {
  type ConditionOutcome,
  modelsOf,
  NOTHING_SET,
  onExceed,
  type PolicyCall,
  type Resolution,
  type ResolvedPolicy,
} from "./resolve.ts";
import { type Block, type DecidedBy, type Finding, type OutputBounds, type Rule, type RuleInput } from "./rule.ts";

export { isHardBudget } from "./limit-rules.ts";
export type { Block } from "./rule.ts";

/** What the pure rules look at. Each rule of product.md §2 that needs no store is one entry of RULES, in its order. */
export interface DecisionInput {
  readonly facts: CallFacts;
  readonly priceKnown: boolean;
  /** Limits that no policy gave. */
  readonly limits: readonly Limit[];
  /** Missing: there are no policies. */
  readonly policy?: ResolvedPolicy;
  /** Missing: the output cannot be capped, and its price is not known. */
  readonly bounds?: OutputBounds;
}

/** One rule of the fixed order, as far as it was looked at. */
export interface Step {
  readonly step: number;
  readonly rule: string;
  /** `exceeded`: above a cap, and let through because a policy wants an alert instead. */
  readonly outcome: Finding["outcome"] | "exceeded";
  /** The values that the call was held against. */
  readonly by: readonly DecidedBy[];
}

/** What the pure rules say of one resolution. */
export interface Ruling {
  readonly outcome: "allow" | "block";
  readonly block: Block | null;
  /** In the order of product.md §2, up to the one that decided. */
  readonly steps: readonly Step[];
  /** Caps that were exceeded, where a policy says `alert`. */
  readonly alerts: readonly Block[];
  /** The call may only go with this output cap, all choices together; null = as it is. */
  readonly outputLimit: number | null;
  /** A model that a policy names for a call that costs too much: decide again with it. Null = none, or it is this one. */
  readonly downgradeTo: string | null;
  /** Who gave each value in force, looked at or not. */
  readonly values: readonly DecidedBy[];
}

export interface Decision extends Ruling {
  /** Of the snapshot of policies; null = there are none. */
  readonly policyVersion: number | null;
  readonly conditions: readonly ConditionOutcome[];
  /** What would have been decided were the policies in `observe` enforced; null = none of them applies. */
  readonly observed: Ruling | null;
}

const RULES: readonly Rule[] = [identityRule, ...LIST_RULES, ...CAP_RULES, priceRule];

const CAPS_STEP = 6;

const BOUNDS_UNKNOWN: OutputBounds = { cappable: false, inputUsd: null, outputPico: null, inputExact: true };

/** The first rule that blocks decides; null = allowed as far as the pure rules go (step 9, the limits, comes after). */
export function decide(input: DecisionInput): Block | null {
  const resolution = input.policy?.enforced ?? NOTHING_SET;
  const ruleInput = ruleInputOf(input, resolution);
  for (const rule of RULES) {
    const finding = rule.look(ruleInput);
    if (finding.outcome === "blocked" && !isLenient(rule, resolution)) return finding.block;
  }
  return null;
}

/** The same, with what was looked at, and what policies in `observe` would have done. */
export function explain(input: DecisionInput): Decision {
  const { policy } = input;
  return {
    ...ruleOn(input, policy?.enforced ?? NOTHING_SET),
    policyVersion: policy?.version ?? null,
    conditions: policy?.conditions ?? [],
    observed: policy === undefined || policy.observed === null ? null : ruleOn(input, policy.observed),
  };
}

function ruleOn(input: DecisionInput, resolution: Resolution): Ruling {
  const ruleInput = ruleInputOf(input, resolution);
  const steps: Step[] = [];
  const alerts: Block[] = [];
  let outputLimit: number | null = null;
  let block: Block | null = null;
  for (const rule of RULES) {
    const finding = rule.look(ruleInput);
    const lenient = finding.outcome === "blocked" && isLenient(rule, resolution);
    const outcome = lenient ? "exceeded" : finding.outcome;
    steps.push({ step: rule.step, rule: rule.name, outcome, by: byOf(finding) });
    if (finding.outcome === "passed" && finding.outputLimit !== undefined)
      outputLimit = Math.min(outputLimit ?? Infinity, finding.outputLimit);
    if (finding.outcome !== "blocked") continue;
    if (!lenient) {
      block = finding.block;
      break;
    }
    alerts.push(finding.block);
  }
  return {
    outcome: block === null ? "allow" : "block",
    block,
    steps,
    alerts,
    outputLimit: block === null ? outputLimit : null,
    downgradeTo: block?.code === "REQUEST_COST_CAP" ? downgradeOf(resolution, ruleInput.call) : null,
    values: valuesOf(resolution),
  };
}

function ruleInputOf(input: DecisionInput, resolution: Resolution): RuleInput {
  const { facts, priceKnown, limits, policy, bounds = BOUNDS_UNKNOWN } = input;
  return { facts, priceKnown, limits, resolution, call: policy?.call ?? null, bounds };
}

/** `alert` is about caps here; about limits it is asked at step 9, where it lifts no hard one. */
function isLenient({ step }: Rule, resolution: Resolution): boolean {
  return step === CAPS_STEP && onExceed(resolution).action === "alert";
}

function byOf(finding: Finding): readonly DecidedBy[] {
  if (finding.outcome === "not_set") return [];
  if (finding.outcome === "passed") return finding.by;
  return finding.block.decidedBy === undefined ? [] : [finding.block.decidedBy];
}

function downgradeOf(resolution: Resolution, call: PolicyCall | null): string | null {
  const exceeding = onExceed(resolution);
  if (call === null || exceeding.action !== "downgrade") return null;
  // A call that has been downgraded already has nowhere to go.
  const isThis = modelsOf(call).some((own) => own.toLowerCase() === exceeding.model.toLowerCase());
  return isThis ? null : exceeding.model;
}

const VALUES = new WeakMap<Resolution, readonly DecidedBy[]>();

/** The same list for the same resolution, as long as that is remembered. */
function valuesOf(resolution: Resolution): readonly DecidedBy[] {
  const known = VALUES.get(resolution);
  if (known !== undefined) return known;
  const { values, limits } = resolution;
  const given: DecidedBy[] = [];
  for (const [setting, of] of Object.entries(values))
    for (const { giver } of of) given.push({ setting: setting as SettingName, giver });
  for (const { giver } of limits) given.push({ setting: "limits", giver });
  VALUES.set(resolution, given);
  return given;
}
