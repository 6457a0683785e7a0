import type { ScopeKind } from "@tollhouse/contract";
import type { CounterIdOf } from "@tollhouse/engine";
import { deriveKey, type LedgerKeys } from "@tollhouse/store";
import { createDerivedId } from "../limits/derived-id.ts";
import type { Place } from "../place.ts";

/** Names in each of two generations; one that fell out is hashed again, equal. */
const GENERATION_MAX = 50_000;

/**
 * Ids of the counters of policies: keyed, so that nobody can name two values that share one, and the same after every restart. Of a user
 * the lookup is hashed and not the name, because the sums in the database know no name. A hash costs 3 µs: those of late are remembered.
 */
export class PolicyLimitIds {
  readonly #place: Place;
  readonly #keys: LedgerKeys;
  readonly #hash: (text: string) => string;
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  constructor(place: Place, masterKey: Uint8Array, keys: LedgerKeys) {
    this.#place = place;
    this.#keys = keys;
    this.#hash = createDerivedId(deriveKey(masterKey, "policy-limit", place.tenant), place.environment);
  }

  readonly of: CounterIdOf = (slot, scope, value) => {
    const name = `${slot} ${scope}:${value}`;
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const id = this.#old.get(name) ?? this.ofRecorded(slot, scope, this.#recorded(scope, value));
    if (this.#young.size >= GENERATION_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, id);
    return id;
  };

  /** `value` as the database has it: of a user the lookup, in hex. */
  ofRecorded(slot: string, scope: ScopeKind, value: string): string {
    return this.#hash(`${slot} ${scope}:${value}`);
  }

  #recorded(scope: ScopeKind, value: string): string {
    return scope === "user" ? this.#keys.userLookup(this.#place.tenant, value).toString("hex") : value;
  }
}
