import type { Dimensions, DecisionPolicy, LimitMoment, ScopeKind } from "@tollhouse/contract";
import { countedOn, scopeValue, slotText, type CompiledPolicy, type CounterSlot, type Limit } from "@tollhouse/engine";
import type { LimitSeen } from "@tollhouse/ledger";
import type { CallAnswer, Counters, CounterState } from "@tollhouse/store";
import { formatMeasure, limitState } from "../gateway/refusal.ts";
import type { LimitService } from "../limits/limit-service.ts";
import type { PolicyRules } from "../policies/load-policies.ts";

export interface InForce {
  readonly limits: Pick<LimitService, "snapshot">;
  readonly policies: Pick<PolicyRules, "snapshot" | "idOf">;
  readonly standing: Pick<Counters, "look">;
  now(): number;
}

/**
 * The limit that a decision looked at, as it stands: one that somebody made, the default budget of a session, or one of a policy with what
 * the policy says now. Null: it is gone, or the policy is, or it is of a user whose name is not kept.
 */
export async function limitNow(
  inForce: InForce,
  seen: LimitSeen,
  call: CallAnswer,
  policy: DecisionPolicy | null,
): Promise<LimitMoment | null> {
  const made = inForce.limits.snapshot.byId(seen.limitId);
  const limit = made ?? defaultBudget(inForce, seen, call) ?? ofPolicy(inForce, seen, call, policy);
  if (limit === null) return null;
  const { version, mode, amount, measure } = limit;
  const [state] = (await inForce.standing.look([limit], inForce.now())) as readonly [CounterState];
  // The limit of these words, whatever the counter was given last.
  return { version, mode, amount: formatMeasure(amount, measure), ...limitState({ ...state, limit }) };
}

/** Made anew from the session's name: one that is not used lately is not remembered. */
function defaultBudget({ limits }: InForce, { limitId }: LimitSeen, call: CallAnswer): Limit | null {
  const { session } = call.dimensions;
  if (session === undefined) return null;
  const of = { dimensions: { session }, model: "", provider: "", key: null };
  return limits.snapshot.match(of).find(({ id, derived }) => derived && id === limitId) ?? null;
}

function ofPolicy(
  { policies: { snapshot, idOf } }: InForce,
  seen: LimitSeen,
  call: CallAnswer,
  policy: DecisionPolicy | null,
): Limit | null {
  const value = scopeValue(seen.scope, scopedCall(call));
  if (value === null || policy === null) return null;
  const givers = policy.values.filter(({ setting }) => setting === "limits");
  // The one that gave it first: its version is the limit's.
  const ordered = givers.toSorted((a, b) => Number(b.version === seen.version) - Number(a.version === seen.version));
  for (const { policy: id } of ordered) {
    const now = snapshot.byId(id);
    const found =
      now === undefined || now.mode === "observe"
        ? undefined
        : limitIn(now, seen, (slot) => idOf(slotText(slot), seen.scope, value));
    if (now === undefined || found === undefined) continue;
    const counted = countedOn({ ...found, scope: seen.scope }, value, idOf);
    return { ...counted, amount: found.amount, mode: found.mode, version: now.giver.version, perCall: "held" };
  }
  return null;
}

function limitIn(
  { limits }: CompiledPolicy,
  { limitId, scope: kind }: LimitSeen,
  idOf: (slot: Omit<CounterSlot, "scope">) => string,
): CompiledPolicy["limits"][number] | undefined {
  const mayBe = (scope: ScopeKind | null): boolean =>
    scope === kind || (scope === null && (kind === "user" || kind === "customer"));
  return limits.find((limit) => mayBe(limit.scope) && idOf(limit) === limitId);
}

function scopedCall({ dimensions, model, provider, key }: CallAnswer): {
  dimensions: Dimensions;
  model: string;
  provider: string;
  key: string | null;
} {
  return { dimensions, model: model ?? "", provider: provider ?? "", key };
}
