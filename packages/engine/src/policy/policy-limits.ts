import type { ScopeKind } from "@tollhouse/contract";
import { derivedLimitId } from "../limits/derived-limit-id.ts";
import { compareLimits } from "../limits/limit-order.ts";
import type { Limit } from "../limits/limit.ts";
import type { PolicyCall, Resolution, ResolvedLimit } from "./resolve.ts";

/** As `LimitSnapshot.match` answers them: tightest scope first, `org` after the dimensions. */
const SCOPE_ORDER: readonly ScopeKind[] = [
  "session",
  "agent",
  "feature",
  "service",
  "user",
  "team",
  "customer",
  "org",
  "key",
  "model",
  "provider",
];

/** The value of the call that a scope counts on; null = the call carries none. Empty for `org`. */
export function scopeValue(scope: ScopeKind, call: PolicyCall): string | null {
  switch (scope) {
    case "org":
      return "";
    case "key":
      return call.key;
    case "model":
      return call.model === "" ? null : call.model;
    case "provider":
      return call.provider;
    case "session":
    case "agent":
    case "feature":
    case "service":
    case "user":
    case "team":
    case "customer":
      return call.dimensions[scope] ?? null;
  }
}

/**
 * The limits that policies give a call, in the order in which an exhausted one is named. A limit on something the call does not
 * carry is left out: `decide` has refused the call where it is hard.
 *
 * `idOf` makes the id out of policy, measure, window, mode, zone and scope; the same text must have the same id on every node. The
 * amount is no part of it: with a new amount, which is a new version of the policy, the counter goes on.
 */
export function policyLimits(
  resolution: Resolution,
  call: PolicyCall,
  idOf: (text: string) => string = derivedLimitId,
): readonly Limit[] {
  if (resolution.limits.length === 0) return [];
  return resolution.limits.flatMap((given) => limitOf(given, call, idOf)).toSorted(compareAcrossScopes);
}

/**
 * Both in one order. The default budget of a session goes where a policy gives that session a hard one: it is for sessions that
 * have none of their own.
 */
export function mergeLimits(matched: readonly Limit[], ofPolicies: readonly Limit[]): readonly Limit[] {
  if (ofPolicies.length === 0) return matched;
  const budgeted = ofPolicies.some(
    ({ scope, measure, mode }) => measure === "usd" && mode === "hard" && scope.startsWith("session:"),
  );
  const kept = budgeted ? matched.filter((limit) => !limit.derived) : matched;
  return [...kept, ...ofPolicies].toSorted(compareAcrossScopes);
}

function limitOf({ value, giver, scope }: ResolvedLimit, call: PolicyCall, idOf: (text: string) => string): Limit[] {
  const counted = scopeValue(scope, call);
  if (counted === null) return [];
  const { measure, amount, window, timeZone, mode } = value;
  const name = scope === "org" ? scope : `${scope}:${counted}`;
  const id = idOf(`${giver.policy} ${measure} ${window} ${mode} ${timeZone} ${name}`);
  return [{ id, scope: name, measure, amount, window, timeZone, mode, version: giver.version, derived: false }];
}

function compareAcrossScopes(a: Limit, b: Limit): number {
  return scopeRank(a) - scopeRank(b) || compareLimits(a, b);
}

function scopeRank({ scope }: Limit): number {
  const colon = scope.indexOf(":");
  return SCOPE_ORDER.indexOf((colon === -1 ? scope : scope.slice(0, colon)) as ScopeKind);
}
