import { derivedLimitId } from "./derived-limit-id.ts";
import { compareLimits } from "./limit-order.ts";
import type { Limit } from "./limit.ts";

/** Sessions in each of two generations. One that fell out is derived again, equal: counters are found by its id. */
const GENERATION_MAX = 50_000;

interface Remembered {
  /** Limits of the session's own at that time; another list makes the entry stale. */
  readonly own: readonly Limit[];
  readonly limits: readonly Limit[];
  readonly derived: Limit;
}

/** Gives every session that has no `usd` limit of its own the default budget: hard, for its lifetime. */
export class SessionDefaults {
  readonly #amount: bigint;
  readonly #version: number;
  readonly #idOf: (scope: string) => string;
  // Two generations instead of one list by age: finding the oldest key of a Map that had many deleted takes V8 a walk
  // over the holes (measured: 70 µs a call at 100,000 entries).
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();
  #youngById = new Map<string, Limit>();
  #oldById = new Map<string, Limit>();

  constructor(amount: bigint, version: number, idOf: (scope: string) => string = derivedLimitId) {
    this.#amount = amount;
    this.#version = version;
    this.#idOf = idOf;
  }

  /** The session's limits with the default among them, in order; `own` itself where it has a `usd` limit. */
  limitsOf(session: string, own: readonly Limit[]): readonly Limit[] {
    const young = this.#young.get(session);
    if (young !== undefined && young.own === own) return young.limits;
    const known = young ?? this.#old.get(session);
    if (known !== undefined && known.own === own) {
      this.#remember(session, known);
      return known.limits;
    }
    if (own.some((limit) => limit.measure === "usd")) return own;
    const derived = known?.derived ?? this.#derive(session);
    const limits = own.length === 0 ? [derived] : [...own, derived].toSorted(compareLimits);
    this.#remember(session, { own, limits, derived });
    return limits;
  }

  byId(id: string): Limit | undefined {
    return this.#youngById.get(id) ?? this.#oldById.get(id);
  }

  #derive(session: string): Limit {
    const scope = `session:${session}`;
    return Object.freeze({
      id: this.#idOf(scope),
      scope,
      measure: "usd",
      amount: this.#amount,
      window: "lifetime",
      timeZone: "UTC",
      mode: "hard",
      version: this.#version,
      derived: true,
    } satisfies Limit);
  }

  #remember(session: string, entry: Remembered): void {
    if (this.#young.size >= GENERATION_MAX) {
      [this.#old, this.#oldById] = [this.#young, this.#youngById];
      [this.#young, this.#youngById] = [new Map(), new Map()];
    }
    this.#young.set(session, entry);
    this.#youngById.set(entry.derived.id, entry.derived);
  }
}
