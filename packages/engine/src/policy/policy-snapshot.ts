import type { PolicyLevel, PolicyVersion } from "@tollhouse/contract";
import { LayeredMap } from "../limits/layered-map.ts";
import { compilePolicy, policyMemory } from "./compile-policy.ts";
import { type CompiledPolicy, PolicyInvalid } from "./policy.ts";

/** Attached to one user, feature or plan, or to all: each of them is looked at on every call that it could apply to. */
const POLICIES_PER_ATTACHMENT_MAX = 64;

/** What of a call finds its policies. */
export interface PolicySubject {
  readonly user: string | undefined;
  readonly feature: string | undefined;
  readonly plan: string | null;
}

/**
 * The current version of all policies of one environment. Immutable: `with` and `without` answer new snapshots, and share all
 * but a small layer with this one. Finding the policies of a call costs four map look-ups, however many there are.
 */
export interface PolicySnapshot {
  readonly version: number;
  /** Most specific first; among equals the higher priority, then the newest. */
  find(subject: PolicySubject): readonly CompiledPolicy[];
  byId(id: string): CompiledPolicy | undefined;
  /** Adds the policy, or replaces the one with its id. The version grows by one. Throws PolicyInvalid. */
  with(policy: PolicyVersion): PolicySnapshot;
  /** Answers itself where there is no such policy. */
  without(id: string): PolicySnapshot;
}

/** Throws PolicyInvalid: a rule that cannot be read must not be left out. */
export function compilePolicies(policies: readonly PolicyVersion[], version = 1): PolicySnapshot {
  const memory = policyMemory();
  const byId = new Map<string, CompiledPolicy | null>();
  const byLevel: Record<PolicyLevel, Map<string, CompiledPolicy[]>> = {
    user: new Map(),
    feature: new Map(),
    plan: new Map(),
    default: new Map(),
  };
  for (const document of policies) {
    const policy = compilePolicy(document, memory);
    if (byId.has(document.id)) throw new PolicyInvalid(document.id, "id", "given twice");
    byId.set(document.id, policy);
    const list = byLevel[policy.level].get(policy.key);
    if (list === undefined) byLevel[policy.level].set(policy.key, [policy]);
    else list.push(policy);
  }
  for (const lists of Object.values(byLevel)) for (const list of lists.values()) inOrder(list);
  return new Snapshot(version, LayeredMap.over(byId), {
    user: LayeredMap.over<readonly CompiledPolicy[]>(byLevel.user),
    feature: LayeredMap.over<readonly CompiledPolicy[]>(byLevel.feature),
    plan: LayeredMap.over<readonly CompiledPolicy[]>(byLevel.plan),
    default: LayeredMap.over<readonly CompiledPolicy[]>(byLevel.default),
  });
}

type Levels = Readonly<Record<PolicyLevel, LayeredMap<readonly CompiledPolicy[]>>>;

const NONE: readonly CompiledPolicy[] = Object.freeze([]);

class Snapshot implements PolicySnapshot {
  readonly version: number;
  readonly #byId: LayeredMap<CompiledPolicy | null>;
  readonly #levels: Levels;

  constructor(version: number, byId: LayeredMap<CompiledPolicy | null>, levels: Levels) {
    this.version = version;
    this.#byId = byId;
    this.#levels = levels;
  }

  find({ user, feature, plan }: PolicySubject): readonly CompiledPolicy[] {
    const all = this.#of("default", "");
    const ofUser = user === undefined ? NONE : this.#of("user", user);
    const ofFeature = feature === undefined ? NONE : this.#of("feature", feature);
    const ofPlan = plan === null ? NONE : this.#of("plan", plan);
    if (ofUser.length + ofFeature.length + ofPlan.length === 0) return all;
    return [...ofUser, ...ofFeature, ...ofPlan, ...all];
  }

  byId(id: string): CompiledPolicy | undefined {
    return this.#byId.get(id) ?? undefined;
  }

  with(document: PolicyVersion): PolicySnapshot {
    const policy = compilePolicy(document);
    const old = this.byId(document.id);
    const base = old === undefined ? this.#levels : without(this.#levels, old);
    const list = inOrder([...(base[policy.level].get(policy.key) ?? NONE), policy]);
    const levels = { ...base, [policy.level]: base[policy.level].with(policy.key, list) };
    return new Snapshot(this.version + 1, this.#byId.with(document.id, policy), levels);
  }

  without(id: string): PolicySnapshot {
    const old = this.byId(id);
    if (old === undefined) return this;
    return new Snapshot(this.version + 1, this.#byId.with(id, null), without(this.#levels, old));
  }

  #of(level: PolicyLevel, key: string): readonly CompiledPolicy[] {
    return this.#levels[level].get(key) ?? NONE;
  }
}

function without(levels: Levels, old: CompiledPolicy): Levels {
  const rest = (levels[old.level].get(old.key) ?? NONE).filter((policy) => policy.giver.policy !== old.giver.policy);
  return { ...levels, [old.level]: levels[old.level].with(old.key, rest) };
}

/** Sorts in place and answers it. */
function inOrder(list: CompiledPolicy[]): CompiledPolicy[] {
  const first = list[0];
  if (first !== undefined && list.length > POLICIES_PER_ATTACHMENT_MAX) {
    const expected = `expected at most ${POLICIES_PER_ATTACHMENT_MAX} policies attached to ${first.giver.attachment}`;
    throw new PolicyInvalid((list.at(-1) ?? first).giver.policy, "attach", expected);
  }
  return list.sort(comparePolicies);
}

/** Of equal priority and age the greater id: ids grow with time, and some order must be the same on every node. */
function comparePolicies(a: CompiledPolicy, b: CompiledPolicy): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.createdMs !== b.createdMs) return b.createdMs - a.createdMs;
  return a.giver.policy > b.giver.policy ? -1 : 1;
}
