import { DIMENSIONS, type Dimensions, type Endpoint, type OnExceed, type ScopeKind } from "@tollhouse/contract";
import type { Applies, Condition, ConditionFacts } from "./condition.ts";
import {
  type CompiledPolicy,
  type Giver,
  type LimitSetting,
  limitSlot,
  type PlanHolder,
  type SettingName,
  type SettingValues,
} from "./policy.ts";
import type { PolicyGroup, Resolutions } from "./policy-group.ts";
import type { PolicySnapshot } from "./policy-snapshot.ts";

/** What policies look at. */
export interface PolicyCall {
  readonly dimensions: Dimensions;
  readonly plan: string | null;
  /** Who was put on the plan. Missing: the user where the call names one, else the customer. */
  readonly planHolder?: PlanHolder;
  /** Empty only for endpoint `models`. */
  readonly model: string;
  /** Models that the request lets the provider use instead. */
  readonly otherModels?: readonly string[] | undefined;
  readonly provider: string;
  readonly endpoint: Endpoint;
  readonly key: string | null;
  /** Nano-dollars the call can cost at most; null = not known, or without bound. */
  readonly estimatedCost: bigint | null;
  /** Upper bounds of all input, and of all choices of the output together. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A value in force. `certain` false: it is of a policy of which it is not known whether it applies. */
export interface Given<V> {
  readonly value: V;
  readonly giver: Giver;
  readonly certain: boolean;
}

/**
 * Of each setting every value that must be kept: one, unless a condition could not be evaluated; of `deny` each list of a policy
 * that applies.
 */
export type ResolvedValues = { readonly [S in SettingName]?: readonly Given<SettingValues[S]>[] };

export type ResolvedLimit = Given<LimitSetting> & { readonly scope: ScopeKind };

/** The values of a call and who gave them. */
export interface Resolution {
  readonly values: ResolvedValues;
  readonly limits: readonly ResolvedLimit[];
}

export interface ConditionOutcome {
  readonly giver: Giver;
  readonly applies: Applies;
}

export interface ResolvedPolicy {
  readonly call: PolicyCall;
  /** Of the snapshot. */
  readonly version: number;
  /** Of policies in `enforce` alone. */
  readonly enforced: Resolution;
  /** As if those in `observe` were enforced too; null = none of them applies. */
  readonly observed: Resolution | null;
  /** Of each policy with a condition. */
  readonly conditions: readonly ConditionOutcome[];
}

export const NOTHING_SET: Resolution = Object.freeze({ values: Object.freeze({}), limits: Object.freeze([]) });

/** What is known of a policy's condition without evaluating it: a call that is rehearsed had it evaluated. Null = evaluate it. */
export type KnownCondition = (giver: Giver) => Applies | null;

interface Candidate {
  readonly policy: CompiledPolicy;
  readonly certain: boolean;
}

/**
 * User > feature > plan > default; then priority, then the newest. Each setting takes its value from the first that sets it.
 *
 * - **A deny is final:** lists of `deny` add up over all policies that apply. Were they replaced, a policy that denies one more
 *   model to a user would give that user all models that the default denies.
 * - **Each limit is a setting of its own,** told apart by measure, window, mode and scope.
 * - **A condition that cannot be evaluated** (the price is not known, say) lets its policy add to what a less specific one says
 *   and never replace it: the call must be allowed with the policy and without it. So unknown never allows.
 */
export function resolve(snapshot: PolicySnapshot, call: PolicyCall, known?: KnownCondition): ResolvedPolicy {
  const { user, feature } = call.dimensions;
  const group = snapshot.group({ user, feature, plan: call.plan });
  const holder = planScope(call);
  const conditions = outcomesOf(group, call, known);
  let outcome: string = holder;
  for (const { applies } of conditions) outcome += ` ${applies}`;
  const { enforced, observed } = group.resolved(outcome, () => resolutionsOf(group, holder, conditions));
  return { call, version: snapshot.version, enforced, observed, conditions };
}

const NO_CONDITIONS: readonly ConditionOutcome[] = Object.freeze([]);

function outcomesOf(
  { conditional }: PolicyGroup,
  call: PolicyCall,
  known: KnownCondition | undefined,
): readonly ConditionOutcome[] {
  if (conditional.length === 0) return NO_CONDITIONS;
  let facts: readonly ConditionFacts[] | null = null;
  return conditional.map(({ giver, condition }) => ({
    giver,
    applies: known?.(giver) ?? evaluate(condition as Condition, (facts ??= conditionFacts(call))),
  }));
}

/** `conditions`: of the group's policies that have one, in their order. */
function resolutionsOf(
  { policies }: PolicyGroup,
  holder: ScopeKind,
  conditions: readonly ConditionOutcome[],
): Resolutions {
  const candidates: Candidate[] = [];
  let next = 0;
  for (const policy of policies) {
    const applies = policy.condition === null ? "yes" : (conditions[next++] as ConditionOutcome).applies;
    if (applies !== "no") candidates.push({ policy, certain: applies === "yes" });
  }
  const enforced = candidates.filter(({ policy }) => policy.mode === "enforce");
  const observes = enforced.length < candidates.length;
  return { enforced: cascade(enforced, holder), observed: observes ? cascade(candidates, holder) : null };
}

function cascade(candidates: readonly Candidate[], holder: ScopeKind): Resolution {
  if (candidates.length === 0) return NOTHING_SET;
  const values: { [S in SettingName]?: Given<unknown>[] } = {};
  const limits: ResolvedLimit[] = [];
  const taken = new Set<string>();
  for (const { policy, certain } of candidates) {
    const { giver } = policy;
    for (const { name, value } of policy.settings) {
      const given = (values[name] ??= []);
      if (isFinal(name) || !given.some((other) => other.certain)) given.push({ value, giver, certain });
    }
    for (const value of policy.limits) {
      const scope = value.scope ?? holder;
      const slot = limitSlot(value, scope);
      if (taken.has(slot)) continue;
      if (certain) taken.add(slot);
      limits.push({ value, giver, certain, scope });
    }
  }
  // Each list was filled from settings of its own name.
  return { values: values as ResolvedValues, limits };
}

function isFinal(name: SettingName): boolean {
  return name.endsWith(".deny");
}

function planScope({ planHolder, dimensions }: PolicyCall): ScopeKind {
  return planHolder ?? (dimensions.user === undefined && dimensions.customer !== undefined ? "customer" : "user");
}

/** What happens on exceeding: as the most specific policy says, and `block` where it is not certain which. */
export function onExceed({ values }: Resolution): OnExceed {
  return onlyCertain(values.on_exceed)?.value ?? { action: "block" };
}

/** null = no policy says: the installation's own setting holds. */
export function failMode({ values }: Resolution): "closed" | "open" | null {
  const given = values.fail_mode ?? [];
  return given.some(({ value }) => value === "closed") ? "closed" : (onlyCertain(given)?.value ?? null);
}

export function isClampForbidden({ values }: Resolution): boolean {
  return (values.output_clamp ?? []).some(({ value }) => value === "forbidden");
}

/** The value that holds whatever the unknown conditions are: there are none. */
function onlyCertain<V>(given: readonly Given<V>[] = []): Given<V> | null {
  const [first] = given;
  return first !== undefined && first.certain ? first : null;
}

/** Where a condition holds for one of the call's models and not for another, it is not known which of them will serve. */
function evaluate(condition: Condition, facts: readonly ConditionFacts[]): Applies {
  const outcomes = new Set(facts.map((some) => condition.evaluate(some)));
  const [outcome = "unknown"] = outcomes;
  return outcomes.size === 1 ? outcome : "unknown";
}

/** One for each model that may serve the call. Models in lower case, so that nobody leaves a condition by writing one in upper case. */
function conditionFacts(call: PolicyCall): readonly ConditionFacts[] {
  const facts: Record<string, string | bigint> = {
    plan: call.plan ?? "",
    key: call.key ?? "",
    provider: call.provider,
    endpoint: call.endpoint,
  };
  for (const dimension of DIMENSIONS) facts[dimension] = call.dimensions[dimension] ?? "";
  if (Number.isSafeInteger(call.inputTokens)) facts.input_tokens = BigInt(call.inputTokens);
  if (Number.isSafeInteger(call.outputTokens)) facts.output_tokens = BigInt(call.outputTokens);
  if (call.estimatedCost !== null) facts.estimated_cost = call.estimatedCost;
  return modelsOf(call).map((model) => ({ ...facts, model: model.toLowerCase() }));
}

export function modelsOf({ model, otherModels = [] }: PolicyCall): readonly string[] {
  return otherModels.length === 0 ? [model] : [model, ...otherModels];
}
