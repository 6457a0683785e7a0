import { type Dimensions, type ParsedScope, parseScope, type ScopeKind } from "@tollhouse/contract";
import { LayeredMap } from "./layered-map.ts";
import { compareLimits } from "./limit-order.ts";
import type { Limit } from "./limit.ts";
import { SortedLimits } from "./sorted-limits.ts";
import { SessionDefaults } from "./session-defaults.ts";

export interface LimitSnapshotInput {
  readonly version: number;
  readonly limits: readonly Limit[];
  /** Nano-dollars for a session without a `usd` limit of its own; null = none. */
  readonly defaultSessionBudget: bigint | null;
  /** Id of a derived limit from its scope; `lim_` and 26 characters, the same on every node. See `derivedLimitId`. */
  readonly derivedId?: (scope: string) => string;
}

/** What of a call decides which limits apply. */
export interface LimitedCall {
  readonly dimensions: Dimensions;
  readonly model: string;
  readonly provider: string;
  readonly key: string | null;
}

/**
 * All limits of one environment at one version. Immutable: `with` and `without` answer new snapshots and leave this one as
 * it is; they share its maps but for a small layer, so a change among a million limits costs microseconds. Snapshots made
 * from each other share one memory of derived session limits, which only spares work: a forgotten one is derived again, equal.
 */
export interface LimitSnapshot {
  readonly version: number;
  readonly defaultSessionBudget: bigint | null;
  /** Every limit that applies, in the order in which an exhausted one is named. A handful of map look-ups. */
  match(call: LimitedCall): readonly Limit[];
  /** Also finds derived limits of sessions seen lately. */
  byId(id: string): Limit | undefined;
  /** Limits as they were given: none derived. In no order. */
  all(): readonly Limit[];
  /** Adds the limit, or replaces the one with its id. The version grows by one. */
  with(limit: Limit): LimitSnapshot;
  /** The same without this limit. Answers itself where there is no such limit. */
  without(id: string): LimitSnapshot;
}

/**
 * Throws RangeError naming the limit where a scope is none, an amount is negative, or an id is given twice. Takes `limits` over: the
 * caller must not change them any more.
 */
export function createLimitSnapshot(input: LimitSnapshotInput): LimitSnapshot {
  const byKind = new Map<ScopeKind, Map<string, Held>>();
  for (const limit of input.limits) {
    const { kind, value } = checkedScope(limit);
    let byValue = byKind.get(kind);
    if (byValue === undefined) byKind.set(kind, (byValue = new Map()));
    const held = byValue.get(value);
    if (held === undefined) byValue.set(value, kind === "session" ? [limit] : limit);
    else byValue.set(value, [...listOf(held), limit].sort(compareLimits));
  }
  const budget = input.defaultSessionBudget;
  if (budget !== null && budget < 0n) throw new RangeError(`defaultSessionBudget: expected 0 or above, got ${budget}`);
  return new Snapshot({
    version: input.version,
    defaultSessionBudget: budget,
    defaults: budget === null ? null : new SessionDefaults(budget, input.version, input.derivedId),
    byKind: new Map([...byKind].map(([kind, byValue]) => [kind, LayeredMap.over<Held>(byValue)])),
    byId: LayeredMap.over<Limit | null>(new SortedLimits(input.limits)),
  });
}

interface Parts {
  readonly version: number;
  readonly defaultSessionBudget: bigint | null;
  readonly defaults: SessionDefaults | null;
  readonly byKind: ScopeMaps;
  /** null where the limit went. */
  readonly byId: LayeredMap<Limit | null>;
}

/**
 * Limits by kind of scope, then by its value: no text is put together on the call path, and kinds that nobody limits are
 * not looked up. An empty list where the last limit of a scope went.
 */
type ScopeMaps = ReadonlyMap<ScopeKind, LayeredMap<Held>>;

/**
 * What one scope has: nearly always a single limit, which needs no list around it (56 bytes each, in a million). Sessions always have
 * one: what is remembered of them is told apart by it.
 */
type Held = Limit | readonly Limit[];

const NONE: readonly Limit[] = Object.freeze([]);
/** The order of `match`; the session comes before them. */
const ATTRIBUTED = ["agent", "feature", "service", "user", "team", "customer"] as const;

class Snapshot implements LimitSnapshot {
  readonly version: number;
  readonly defaultSessionBudget: bigint | null;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.version = parts.version;
    this.defaultSessionBudget = parts.defaultSessionBudget;
    this.#parts = parts;
  }

  match(call: LimitedCall): readonly Limit[] {
    const matched: Limit[] = [];
    const { dimensions } = call;
    if (dimensions.session !== undefined) append(matched, this.#ofSession(dimensions.session));
    for (const dimension of ATTRIBUTED) {
      const value = dimensions[dimension];
      if (value !== undefined) append(matched, this.#of(dimension, value));
    }
    append(matched, this.#of("org", ""));
    if (call.key !== null) append(matched, this.#of("key", call.key));
    append(matched, this.#of("model", call.model));
    append(matched, this.#of("provider", call.provider));
    return matched;
  }

  byId(id: string): Limit | undefined {
    return this.#parts.byId.get(id) ?? this.#parts.defaults?.byId(id);
  }

  all(): readonly Limit[] {
    return [...this.#parts.byId.values()].filter((limit) => limit !== null);
  }

  with(limit: Limit): LimitSnapshot {
    const { kind, value } = checkedScope(limit);
    const old = this.#parts.byId.get(limit.id);
    const base = old ? without(this.#parts.byKind, old) : this.#parts.byKind;
    const list = [...listOf(base.get(kind)?.get(value) ?? NONE), limit].sort(compareLimits);
    return this.#next(replaced(base, kind, value, list), this.#parts.byId.with(limit.id, limit));
  }

  without(id: string): LimitSnapshot {
    const old = this.#parts.byId.get(id);
    return old ? this.#next(without(this.#parts.byKind, old), this.#parts.byId.with(id, null)) : this;
  }

  #next(byKind: ScopeMaps, byId: LayeredMap<Limit | null>): LimitSnapshot {
    return new Snapshot({ ...this.#parts, version: this.version + 1, byKind, byId });
  }

  #ofSession(session: string): readonly Limit[] {
    const own = listOf(this.#of("session", session));
    return this.#parts.defaults === null ? own : this.#parts.defaults.limitsOf(session, own.length === 0 ? NONE : own);
  }

  #of(kind: ScopeKind, value: string): Held {
    return this.#parts.byKind.get(kind)?.get(value) ?? NONE;
  }
}

function without(byKind: ScopeMaps, old: Limit): ScopeMaps {
  const { kind, value } = scopeOf(old);
  const rest = listOf(byKind.get(kind)?.get(value) ?? NONE).filter((limit) => limit.id !== old.id);
  return replaced(byKind, kind, value, rest);
}

function replaced(byKind: ScopeMaps, kind: ScopeKind, value: string, list: readonly Limit[]): ScopeMaps {
  const values = byKind.get(kind) ?? LayeredMap.over<Held>(new Map());
  return new Map(byKind).set(kind, values.with(value, list));
}

function append(matched: Limit[], held: Held): void {
  if (isList(held)) for (const limit of held) matched.push(limit);
  else matched.push(held);
}

function listOf(held: Held): readonly Limit[] {
  return isList(held) ? held : [held];
}

function isList(held: Held): held is readonly Limit[] {
  return Array.isArray(held);
}

function checkedScope(limit: Limit): ParsedScope {
  if (limit.amount < 0n) throw new RangeError(`${limit.id}.amount: expected 0 or above, got ${limit.amount}`);
  return scopeOf(limit);
}

function scopeOf(limit: Limit): ParsedScope {
  const parsed = parseScope(limit.scope);
  if (parsed === null) throw new RangeError(`${limit.id}.scope: expected a scope, got ${limit.scope}`);
  return parsed;
}
