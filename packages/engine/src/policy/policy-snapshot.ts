import type { Dimensions, PolicyLevel, PolicyVersion } from "@tollhouse/contract";
import { LayeredMap } from "../limits/layered-map.ts";
import { compilePolicy, policyMemory } from "./compile-policy.ts";
import { type CounterSlot, slotName, SlotCounts, slotsOf } from "./counter-slots.ts";
import { GroupMemory, PolicyGroup } from "./policy-group.ts";
import { type CompiledPolicy, PolicyInvalid } from "./policy.ts";

/** Attached to one user, feature or plan, or to all: each of them is looked at on every call that it could apply to. */
const POLICIES_PER_ATTACHMENT_MAX = 64;
/**
 * Of an environment. Each call is counted on all of them, in its intent and its entry too: with 5,000 (a policy a time zone) a call took
 * some ten milliseconds more. Not asked of those that are stored: a start must not fail for it.
 */
const SLOTS_MAX = 256;

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
  /** Are there no policies at all? */
  readonly empty: boolean;
  /** Most specific first; among equals the higher priority, then the newest. */
  find(subject: PolicySubject): readonly CompiledPolicy[];
  /** The same, with what was worked out of them before; remembered for those who called of late. */
  group(subject: PolicySubject): PolicyGroup;
  byId(id: string): CompiledPolicy | undefined;
  /** What a call with these dimensions is counted on, whichever policies it is held to. */
  slotsOf(dimensions: Dimensions): readonly CounterSlot[];
  /** Slots of the policy that are not counted yet; `value` null: for all values of the scope. */
  uncounted(policy: CompiledPolicy): readonly { readonly slot: CounterSlot; readonly value: string | null }[];
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
  const slots = SlotCounts.of([...byId.values()].filter((policy) => policy !== null));
  return new Snapshot(version, byId.size, slots, LayeredMap.over(byId), {
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
  readonly #count: number;
  readonly #slots: SlotCounts;
  readonly #byId: LayeredMap<CompiledPolicy | null>;
  readonly #levels: Levels;
  readonly #groups = new GroupMemory();

  constructor(
    version: number,
    count: number,
    slots: SlotCounts,
    byId: LayeredMap<CompiledPolicy | null>,
    levels: Levels,
  ) {
    this.version = version;
    this.#count = count;
    this.#slots = slots;
    this.#byId = byId;
    this.#levels = levels;
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  slotsOf({ user, feature }: Dimensions): readonly CounterSlot[] {
    const ofUser = user === undefined ? NONE : this.#of("user", user);
    const ofFeature = feature === undefined ? NONE : this.#of("feature", feature);
    if (ofUser.length + ofFeature.length === 0) return this.#slots.all;
    const group = this.group({ user, feature, plan: null });
    return (group.slots ??= eachOnce([
      ...this.#slots.all,
      ...ofUser.flatMap(ownSlots),
      ...ofFeature.flatMap(ownSlots),
    ]));
  }

  uncounted(policy: CompiledPolicy): readonly { slot: CounterSlot; value: string | null }[] {
    const { all, own } = slotsOf(policy);
    const counted = new Set(this.#of(policy.level, policy.key).flatMap(ownSlots).map(slotName));
    return [
      ...all.filter((slot) => !this.#slots.has(slot)).map((slot) => ({ slot, value: null })),
      ...own
        .filter((slot) => !this.#slots.has(slot) && !counted.has(slotName(slot)))
        .map((slot) => ({ slot, value: policy.key })),
    ];
  }

  find({ user, feature, plan }: PolicySubject): readonly CompiledPolicy[] {
    const all = this.#of("default", "");
    const ofUser = user === undefined ? NONE : this.#of("user", user);
    const ofFeature = feature === undefined ? NONE : this.#of("feature", feature);
    const ofPlan = plan === null ? NONE : this.#of("plan", plan);
    if (ofUser.length + ofFeature.length + ofPlan.length === 0) return all;
    return [...ofUser, ...ofFeature, ...ofPlan, ...all];
  }

  group(subject: PolicySubject): PolicyGroup {
    const { user, feature, plan } = subject;
    const ofUser = user === undefined ? NONE : this.#of("user", user);
    const ofFeature = feature === undefined ? NONE : this.#of("feature", feature);
    const ofPlan = plan === null ? NONE : this.#of("plan", plan);
    // Whoever has no policies shares a group with all others. No name has a line break in it.
    const name = `${nameOf(ofUser)}\n${nameOf(ofFeature)}\n${nameOf(ofPlan)}`;
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new PolicyGroup(this.find(subject))));
    return group;
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
    const slots = (old === undefined ? this.#slots : this.#slots.without(old)).with(policy);
    // Fewer than before is a way out, wherever one stands.
    if (slots.all.length > SLOTS_MAX && slots.all.length > this.#slots.all.length)
      throw new PolicyInvalid(
        document.id,
        "limits",
        `expected at most ${SLOTS_MAX} different kinds of limits (scope, measure, window, mode, time zone) in one environment`,
      );
    const count = this.#count + (old === undefined ? 1 : 0);
    return new Snapshot(this.version + 1, count, slots, this.#byId.with(document.id, policy), levels);
  }

  without(id: string): PolicySnapshot {
    const old = this.byId(id);
    if (old === undefined) return this;
    const slots = this.#slots.without(old);
    const byId = this.#byId.with(id, null);
    return new Snapshot(this.version + 1, this.#count - 1, slots, byId, without(this.#levels, old));
  }

  #of(level: PolicyLevel, key: string): readonly CompiledPolicy[] {
    return this.#levels[level].get(key) ?? NONE;
  }
}

function eachOnce(slots: readonly CounterSlot[]): readonly CounterSlot[] {
  return [...new Map(slots.map((slot) => [slotName(slot), slot])).values()];
}

function ownSlots(policy: CompiledPolicy): readonly CounterSlot[] {
  return slotsOf(policy).own;
}

/** What a list is attached to; "" = there is none. */
function nameOf([first]: readonly CompiledPolicy[]): string {
  return first === undefined ? "" : first.key;
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
