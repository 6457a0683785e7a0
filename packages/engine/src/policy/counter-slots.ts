import type { ScopeKind } from "@tollhouse/contract";
import { type CompiledPolicy, type LimitSetting, PLAN_HOLDERS } from "./policy.ts";

/** A kind of counter: one for each value of the scope and each window. */
export interface CounterSlot extends Pick<LimitSetting, "measure" | "window" | "timeZone" | "mode"> {
  readonly scope: ScopeKind;
}

/** What a policy needs to be counted. */
export interface PolicySlots {
  /** For every value of the scope: whom the policy limits is only known call by call. */
  readonly all: readonly CounterSlot[];
  /** For the one user or feature that the policy is attached to. */
  readonly own: readonly CounterSlot[];
}

export function slotsOf(policy: CompiledPolicy): PolicySlots {
  const all: CounterSlot[] = [];
  const own: CounterSlot[] = [];
  // What is only observed holds nobody to anything, and is not counted before it does.
  if (policy.mode === "observe") return { all, own };
  for (const { measure, window, timeZone, mode, scope } of policy.limits)
    for (const kind of scope === null ? PLAN_HOLDERS : [scope])
      (kind === policy.level ? own : all).push({ measure, window, timeZone, mode, scope: kind });
  return { all, own };
}

export function slotName({ scope, measure, window, timeZone, mode }: CounterSlot): string {
  return `${scope} ${measure} ${window} ${mode} ${timeZone}`;
}

interface Used {
  readonly slot: CounterSlot;
  readonly policies: number;
}

/** Slots that are counted for every value, and by how many policies each is used. Immutable. */
export class SlotCounts {
  readonly #used: ReadonlyMap<string, Used>;
  readonly all: readonly CounterSlot[];

  constructor(used: ReadonlyMap<string, Used> = new Map()) {
    this.#used = used;
    this.all = Object.freeze([...used.values()].map(({ slot }) => slot));
  }

  static of(policies: Iterable<CompiledPolicy>): SlotCounts {
    const used = new Map<string, Used>();
    for (const policy of policies) count(used, policy, 1);
    return new SlotCounts(used);
  }

  has(slot: CounterSlot): boolean {
    return this.#used.has(slotName(slot));
  }

  with(policy: CompiledPolicy): SlotCounts {
    return this.#changed(policy, 1);
  }

  without(policy: CompiledPolicy): SlotCounts {
    return this.#changed(policy, -1);
  }

  #changed(policy: CompiledPolicy, by: 1 | -1): SlotCounts {
    if (slotsOf(policy).all.length === 0) return this;
    const used = new Map(this.#used);
    count(used, policy, by);
    return new SlotCounts(used);
  }
}

function count(used: Map<string, Used>, policy: CompiledPolicy, by: 1 | -1): void {
  for (const slot of slotsOf(policy).all) {
    const name = slotName(slot);
    const policies = (used.get(name)?.policies ?? 0) + by;
    if (policies > 0) used.set(name, { slot, policies });
    else used.delete(name);
  }
}
