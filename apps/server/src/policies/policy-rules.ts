import {
  boundAmounts,
  countedLimits,
  decide,
  explain,
  mergeLimits,
  policyLimits,
  resolve,
  type Limit,
  type OutputBounds,
  type PolicyCall,
  type ResolvedPolicy,
} from "@tollhouse/engine";
import { matchOf, type ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { isCappable } from "../gateway/reserve-call.ts";
import type { CallPlan } from "./plan-service.ts";
import { policyDecision } from "./policy-decision.ts";

type Blocked = Omit<RefusalInput, "decision">;

interface PolicyLimitsNow {
  readonly revision: number;
  readonly limits: readonly Limit[];
}

/**
 * Steps 5 to 7 of a decision, as policies have them. `matched`: the limits that no policy gave; with those of policies they become the
 * call's. Fills in `policy`, and lowers the output bound to what the call may go with. `inputExact`: no tokenizer brings the input lower.
 */
export function policyRules(
  gateway: Gateway,
  call: ConsideredCall,
  matched: readonly Limit[],
  inputExact: boolean,
): Blocked | null {
  const rules = gateway.policies(call.identity);
  const { snapshot, idOf } = rules;
  const { facts, priced } = call;
  call.policy = null;
  call.policyRevision = rules.revision;
  call.limits = matched;
  if (snapshot.empty) return decide({ facts, priceKnown: priced, limits: matched });
  const plan = rules.planOf(call.identity.dimensions, call.identity.plan);
  const of = policyCallOf(call, plan);
  const policy = resolve(snapshot, of);
  const decided = explain({ facts, priceKnown: priced, limits: matched, policy, bounds: boundsOf(call, inputExact) });
  const held = facts.free ? [] : policyLimits(policy.enforced, of, idOf);
  call.limits = mergeLimits(matched, held);
  if (!facts.free) call.limits = withCounted(call.limits, countedLimits(snapshot, of, held, idOf));
  const { askedModel = null } = call;
  if (applies(policy) || plan.plan !== null || askedModel !== null)
    call.policy = policyDecision(decided, policy, { matched, askedModel, choices: facts.choices });
  if (decided.block !== null) return { code: decided.block.code, message: decided.block.message };
  const perChoice = call.policy?.outputLimit ?? null;
  if (perChoice !== null) clampOutput(call, perChoice);
  return null;
}

/** What policies limit the call to now, where they, or its plan, have changed since `revision`; null = they have not. */
export function policyLimitsNow(gateway: Gateway, call: ConsideredCall, revision: number): PolicyLimitsNow | null {
  const rules = gateway.policies(call.identity);
  if (rules.revision === revision || call.facts.free) return null;
  const { snapshot, idOf } = rules;
  const of = policyCallOf(call, rules.planOf(call.identity.dimensions, call.identity.plan));
  return { revision: rules.revision, limits: policyLimits(resolve(snapshot, of).enforced, of, idOf) };
}

/** Counters of policies that a call running since before they were counted must be added to when it ends. */
export function lateCounted(gateway: Gateway, call: ConsideredCall): readonly Limit[] {
  const { snapshot, idOf, revision } = gateway.policies(call.identity);
  if (revision === call.policyRevision || call.facts.free) return [];
  return countedLimits(snapshot, { ...matchOf(call), model: call.facts.model }, call.limits, idOf);
}

function withCounted(held: readonly Limit[], counted: readonly Limit[]): readonly Limit[] {
  return counted.length === 0 ? held : [...held, ...counted];
}

function applies({ enforced, observed, conditions }: ResolvedPolicy): boolean {
  if (observed !== null || enforced.limits.length > 0 || conditions.length > 0) return true;
  for (const _ in enforced.values) return true;
  return false;
}

function policyCallOf(call: ConsideredCall, { plan, holder }: CallPlan): PolicyCall {
  const { facts, estimate } = call;
  return {
    ...matchOf(call),
    plan,
    ...(holder !== undefined && { planHolder: holder }),
    model: facts.model,
    otherModels: facts.otherModels,
    endpoint: facts.endpoint,
    estimatedCost: call.priced && estimate.bounded ? boundAmounts(estimate).usd : null,
    inputTokens: Number(estimate.inputTokens),
    outputTokens: estimate.outputTokensMax,
  };
}

function boundsOf({ facts, priced, estimate }: ConsideredCall, inputExact: boolean): OutputBounds {
  return {
    cappable: isCappable(facts.endpoint),
    inputUsd: priced ? estimate.inputUsd : null,
    outputPico: priced ? estimate.outputPico : null,
    inputExact: inputExact || facts.inputHidden,
  };
}

/** As if the client had named this cap: what is reserved, metered and sent upstream follows from the facts. */
function clampOutput(call: ConsideredCall, perChoice: number): void {
  const { facts, estimate } = call;
  const all = perChoice * facts.choices;
  call.facts = { ...facts, outputTokensMax: perChoice };
  call.estimate = {
    ...estimate,
    outputTokensMax: Math.min(estimate.outputTokensMax, all),
    hiddenTokensMax: Math.min(estimate.hiddenTokensMax, all),
  };
}
