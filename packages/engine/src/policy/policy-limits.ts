import type { ScopeKind } from "@tollhouse/contract";
import { derivedLimitId } from "../limits/derived-limit-id.ts";
import { compareLimits } from "../limits/limit-order.ts";
import type { Limit } from "../limits/limit.ts";
import type { CounterSlot } from "./counter-slots.ts";
import type { PolicySnapshot } from "./policy-snapshot.ts";
import type { PolicyCall, ResolvedLimit, Resolution } from "./resolve.ts";

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
const SCOPE_RANK = new Map<string, number>(SCOPE_ORDER.map((kind, rank) => [kind, rank]));

/** What scopes look at. */
export type ScopedCall = Pick<PolicyCall, "dimensions" | "model" | "provider" | "key">;

/**
 * The id of a counter: `slot` is measure, window, mode and zone. The same on every node. No policy and no amount is in it: whichever policy
 * limits a user's month, it is the same month of the same user.
 */
export type CounterIdOf = (slot: string, scope: ScopeKind, value: string) => string;

const hashedId: CounterIdOf = (slot, scope, value) => derivedLimitId(`${slot} ${scopeName(scope, value)}`);

/** The value of the call that a scope counts on; null = the call carries none. Empty for `org`. */
export function scopeValue(scope: ScopeKind, call: ScopedCall): string | null {
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
 */
export function policyLimits(resolution: Resolution, call: PolicyCall, idOf: CounterIdOf = hashedId): readonly Limit[] {
  if (resolution.limits.length === 0) return [];
  const held = new Map<string, Limit>();
  for (const given of resolution.limits) {
    const counted = scopeValue(given.scope, call);
    if (counted === null) continue;
    const limit = lastOf(given, idOf, counted) ?? heldOn(given, counted, idOf);
    const other = held.get(limit.id);
    // Two on one counter, where it is not known whether a condition holds: both hold where the lower one does.
    if (other === undefined || limit.amount < other.amount) held.set(limit.id, limit);
  }
  return [...held.values()].sort(compareAcrossScopes);
}

/** The limit that was made last of a setting or a slot: mostly the next call's too, for its user, team or feature is the same. */
interface LastMade {
  readonly idOf: CounterIdOf;
  readonly value: string;
  readonly limit: Limit;
}
const LAST = new WeakMap<ResolvedLimit | CounterSlot, LastMade>();

function lastOf(of: ResolvedLimit | CounterSlot, idOf: CounterIdOf, value: string): Limit | null {
  const last = LAST.get(of);
  return last !== undefined && last.value === value && last.idOf === idOf ? last.limit : null;
}

function heldOn(given: ResolvedLimit, value: string, idOf: CounterIdOf): Limit {
  const { value: setting, giver, scope } = given;
  const limit = limitOn(setting, scope, value, idOf, setting.amount, setting.mode, giver.version, "held");
  LAST.set(given, { idOf, value, limit });
  return limit;
}

/**
 * What a call is counted on besides the limits it is held to: every slot that any policy in force uses, so that a budget that comes
 * to hold for somebody (another plan, another feature, a condition, a policy less) knows what was used before (ADR 0011).
 */
export function countedLimits(
  snapshot: PolicySnapshot,
  call: ScopedCall,
  held: readonly Limit[],
  idOf: CounterIdOf = hashedId,
): readonly Limit[] {
  const slots = snapshot.slotsOf(call.dimensions);
  if (slots.length === 0) return slots as readonly never[];
  const counted = new Map<string, Limit>();
  for (const slot of slots) {
    const value = scopeValue(slot.scope, call);
    if (value === null) continue;
    let limit = lastOf(slot, idOf, value);
    if (limit === null) LAST.set(slot, { idOf, value, limit: (limit = countedOn(slot, value, idOf)) });
    counted.set(limit.id, limit);
  }
  for (const { id } of held) counted.delete(id);
  return [...counted.values()];
}

/** The counter of a slot for one value of its scope, as a limit that nobody is held to. */
export function countedOn(slot: CounterSlot, value: string, idOf: CounterIdOf): Limit {
  return limitOn(slot, slot.scope, value, idOf, 0n, "soft", 1, "counted");
}

/**
 * Both in one order. The default budget of a session is only counted where a policy gives that session a hard one: it is for sessions
 * that have none of their own, and must know what was spent once they have none again.
 */
export function mergeLimits(matched: readonly Limit[], ofPolicies: readonly Limit[]): readonly Limit[] {
  if (ofPolicies.length === 0) return matched;
  const budgeted = ofPolicies.some(
    ({ scope, measure, mode }) => measure === "usd" && mode === "hard" && scope.startsWith("session:"),
  );
  const kept = budgeted ? matched.map((limit) => (limit.derived ? onlyCounted(limit) : limit)) : matched;
  return [...kept, ...ofPolicies].toSorted(compareAcrossScopes);
}

function onlyCounted(limit: Limit): Limit {
  return { ...limit, mode: "soft", perCall: "counted" };
}

function limitOn(
  slot: Omit<CounterSlot, "scope">,
  scope: ScopeKind,
  value: string,
  idOf: CounterIdOf,
  amount: bigint,
  mode: Limit["mode"],
  version: number,
  perCall: "held" | "counted",
): Limit {
  const { measure, window, timeZone } = slot;
  const id = idOf(slotText(slot), scope, value);
  return {
    id,
    scope: scopeName(scope, value),
    measure,
    amount,
    window,
    timeZone,
    mode,
    version,
    derived: false,
    perCall,
  };
}

/** What tells the counters of one value apart. */
export function slotText({ measure, window, mode, timeZone }: Omit<CounterSlot, "scope">): string {
  return `${measure} ${window} ${mode} ${timeZone}`;
}

function scopeName(scope: ScopeKind, value: string): string {
  return scope === "org" ? scope : `${scope}:${value}`;
}

function compareAcrossScopes(a: Limit, b: Limit): number {
  return scopeRank(a) - scopeRank(b) || compareLimits(a, b);
}

function scopeRank({ scope }: Limit): number {
  const colon = scope.indexOf(":");
  return SCOPE_RANK.get(colon === -1 ? scope : scope.slice(0, colon)) as number;
}
