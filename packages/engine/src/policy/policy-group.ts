import type { CounterSlot } from "./counter-slots.ts";
import type { CompiledPolicy } from "./policy.ts";
import type { Resolution } from "./resolve.ts";

/** A resolution is made of its policies and of which conditions hold: conditions that come and go make many, of which these stay. */
const RESOLUTIONS_MAX = 32;
/** Groups in each of two generations, of some kilobytes each; one that fell out is put together again, equal. */
const GENERATION_MAX = 2_048;

export interface Resolutions {
  readonly enforced: Resolution;
  readonly observed: Resolution | null;
}

/** The policies of one user, feature and plan, and what follows from them for every call: worked out once. */
export class PolicyGroup {
  /** Most specific first. */
  readonly policies: readonly CompiledPolicy[];
  /** Those with a condition. */
  readonly conditional: readonly CompiledPolicy[];
  /** What its calls are counted on; null = nobody asked yet. */
  slots: readonly CounterSlot[] | null = null;
  readonly #resolved = new Map<string, Resolutions>();

  constructor(policies: readonly CompiledPolicy[]) {
    this.policies = policies;
    this.conditional = policies.filter(({ condition }) => condition !== null);
  }

  /** `outcome`: who is on the plan, and what each condition came to. `make` must answer the same for the same one. */
  resolved(outcome: string, make: () => Resolutions): Resolutions {
    const known = this.#resolved.get(outcome);
    if (known !== undefined) return known;
    const made = make();
    if (this.#resolved.size < RESOLUTIONS_MAX) this.#resolved.set(outcome, made);
    return made;
  }
}

/** Groups of late, by their name. */
export class GroupMemory {
  #young = new Map<string, PolicyGroup>();
  #old = new Map<string, PolicyGroup>();

  get(name: string): PolicyGroup | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  set(name: string, group: PolicyGroup): void {
    if (this.#young.size >= GENERATION_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, group);
  }
}
