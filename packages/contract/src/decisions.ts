import type { ReasonCode } from "./codes.ts";
import type { Dimensions } from "./dimensions.ts";
import type { LimitMode, LimitState, Measure, WindowKind } from "./limits.ts";
import type { Usage, UsageClass } from "./usage.ts";

export interface DecisionStep {
  readonly step: number;
  readonly name: string;
  readonly codes: readonly ReasonCode[];
}

/** The fixed order of a decision: the first step that blocks decides. */
export const DECISION_STEPS: readonly DecisionStep[] = [
  { step: 1, name: "identity", codes: ["KEY_INVALID", "KEY_EXPIRED", "KEY_REVOKED", "IDENTITY_REQUIRED"] },
  { step: 2, name: "kill_switch", codes: ["KILL_SWITCH_ACTIVE"] },
  { step: 3, name: "blocklist", codes: ["USER_BLOCKED", "SESSION_FROZEN"] },
  { step: 4, name: "rate_limit", codes: ["RATE_LIMITED"] },
  { step: 5, name: "policy", codes: ["MODEL_NOT_ALLOWED", "FEATURE_NOT_ALLOWED"] },
  { step: 6, name: "call_caps", codes: ["REQUEST_COST_CAP", "REQUEST_TOKEN_CAP"] },
  { step: 7, name: "price", codes: ["PRICE_UNKNOWN"] },
  { step: 8, name: "anomaly", codes: ["LOOP_DETECTED", "SPEND_VELOCITY", "REQUEST_BURST"] },
  {
    step: 9,
    name: "limits",
    codes: ["BUDGET_EXCEEDED", "TOKEN_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "LIMITS_UNAVAILABLE"],
  },
];

/** not_recorded: the call failed outside the steps, and how far it had come is not written down. */
export const STEP_RESULTS = ["passed", "blocked", "not_reached", "not_recorded"] as const;
export type StepResult = (typeof STEP_RESULTS)[number];

export interface StepAnswer {
  step: number;
  name: string;
  result: StepResult;
  reason_code: ReasonCode | null;
}

/** What each step said of a call that ended with this code; `allowed`: it was let through, and the code came later. */
export function stepsOf(code: ReasonCode | null, allowed: boolean): StepAnswer[] {
  const decidedAt = allowed
    ? null
    : (DECISION_STEPS.find(({ codes }) => code !== null && codes.includes(code)) ?? null);
  return DECISION_STEPS.map(({ step, name }) => {
    const result = resultOf(step, decidedAt?.step ?? null, allowed);
    return { step, name, result, reason_code: result === "blocked" ? code : null };
  });
}

function resultOf(step: number, decidedAt: number | null, allowed: boolean): StepResult {
  if (allowed) return "passed";
  if (decidedAt === null) return "not_recorded";
  if (step === decidedAt) return "blocked";
  return step < decidedAt ? "passed" : "not_reached";
}

/** A limit with its counter, at one moment. */
export interface LimitMoment extends LimitState {
  version: number;
  mode: LimitMode;
  amount: string;
}

export interface DecisionLimit {
  id: string;
  /** Its value as far as the caller of this API may read it; of an erased user the pseudonym. */
  scope: string;
  measure: Measure;
  window: WindowKind;
  /** Did it decide? */
  deciding: boolean;
  /** With the call's own reservation where the call was let through, without it where it was blocked. */
  at_decision: LimitMoment;
  /** null = it is gone, the policy that gave it is, or it is of a user whose name is not kept. */
  now: LimitMoment | null;
}

/** A value in force, and the version of the policy that gave it. */
export interface PolicyValue {
  /** `models.deny`, `caps.cost`, `limits`, … */
  setting: string;
  policy: string;
  version: number;
}

/** A rule that policies set something for, as it was decided. */
export interface PolicyCheck {
  /** Of the steps of a decision. */
  step: number;
  rule: string;
  /** `exceeded`: above a cap, and let through because a policy wants an alert instead. */
  outcome: string;
}

/** A policy with a condition; `unknown`: it could not be evaluated, and the call had to pass with the policy and without it. */
export interface PolicyCondition {
  policy: string;
  version: number;
  applies: string;
}

/** What would have been decided were the policies in `observe` enforced. */
export interface PolicyObserved {
  outcome: string;
  reason_code: string | null;
  values: PolicyValue[];
  checks: PolicyCheck[];
  downgrade_to: string | null;
  output_limit: number | null;
}

export interface DecisionPolicy {
  plan: string | null;
  values: PolicyValue[];
  checks: PolicyCheck[];
  conditions: PolicyCondition[];
  /** Caps that the call was above, where a policy says `alert`. */
  alerts: string[];
  /** The model that the call came with, where a policy put a cheaper one in its place. */
  asked_model: string | null;
  /** Output tokens a choice that a policy cut the call to. */
  output_limit: number | null;
  fail_mode: string | null;
  observed: PolicyObserved | null;
}

/** One class of usage in a cost: units × price × factor. */
export interface DecisionPriceLine {
  /** null: the fee of the call itself. */
  class: UsageClass | null;
  units: number;
  /** Pico-dollars a unit. */
  price: string;
  /** What the service tier and the place multiply it by: `11/10`. */
  factor: string;
  /** Dollars with twelve places: their sum is rounded once. */
  amount: string;
}

export interface DecisionPrice {
  version: string;
  /** null where the book that is in force now is another, or has none. */
  row: string | null;
  /** null where no row gives this very cost: the provider named it, it is what was held, or nothing is known. */
  lines: DecisionPriceLine[] | null;
}

/** One try at the provider. */
export interface DecisionAttempt {
  /** `client`: it made the call itself, and told what was used. */
  by: "gateway" | "client";
  provider: string | null;
  /** The model that answered, where the answer names it. */
  served_model: string | null;
  /** The service tier, where the answer names it. */
  tier: string | null;
  /** null = no answer came, or nobody told. */
  status: number | null;
  /** The provider's id of the answer. */
  provider_id: string | null;
  latency_ms: number | null;
}

export interface DecisionAnswer {
  decision: string;
  time: string;
  allowed: boolean;
  outcome: "settled" | "released" | "blocked";
  /** Why it was blocked, cut or failed; null = it went through. */
  reason_code: string | null;
  title: string | null;
  next: string | null;
  environment: string | null;
  provider: string | null;
  model: string | null;
  endpoint: string | null;
  key: string | null;
  dimensions: Dimensions;
  steps: StepAnswer[];
  limits: DecisionLimit[];
  /** null = no policy applied. */
  policy: DecisionPolicy | null;
  /** The anomaly rule that blocked it; null = none did. */
  anomaly_rule: string | null;
  /** What the call needed of the limit that blocked it, in that limit's unit. */
  required: string | null;
  /** What was held at the end, dollars. */
  reserved: string | null;
  /** In their order; none where it was blocked. */
  attempts: DecisionAttempt[];
  price: DecisionPrice | null;
  usage: Usage | null;
  usage_source: string | null;
  cost: string | null;
  doubt: string | null;
  entry: { sequence: number; hash: string };
}
