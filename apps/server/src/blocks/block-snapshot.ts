import {
  BLOCK_SCOPES,
  parseScope,
  type BlockKind,
  type Dimensions,
  type ParsedScope,
  type Scope,
  type ScopeKind,
} from "@tollhouse/contract";
import { LayeredMap } from "@tollhouse/engine";
import type { Block } from "@tollhouse/store";

/** What of a call decides whether it is stopped. */
export interface StoppableCall {
  readonly dimensions: Dimensions;
  readonly provider: string;
  readonly key: string | null;
  /** null = not known before the body is read. */
  readonly model: string | null;
  /** Further models that may serve the call: a fallback is no way around a kill switch. */
  readonly otherModels: readonly string[];
}

const NO_MODELS: readonly string[] = Object.freeze([]);

interface Scoped {
  /** How many blocks are in the lists, so that a kind of scope nobody stops any more is not looked up. */
  readonly count: number;
  readonly byValue: LayeredMap<readonly Block[]>;
}

type ByScope = ReadonlyMap<ScopeKind, Scoped>;
type ByKind = { readonly [K in BlockKind]: ByScope };

interface Parts {
  readonly byKind: ByKind;
  /** null where the block was lifted. */
  readonly byId: LayeredMap<Block | null>;
}

const NONE: readonly Block[] = Object.freeze([]);

/**
 * Everything that is stopped in one environment. Immutable; `with` and `without` answer new snapshots. A look-up costs a Map get for
 * each kind of scope in use, however many blocks there are, and nothing where there is none. Expiry is compared at the look-up:
 * no timer has to fire in time, and an expired block is still here to be listed.
 */
export class BlockSnapshot {
  readonly #parts: Parts;
  readonly #empty: boolean;

  private constructor(parts: Parts) {
    this.#parts = parts;
    const { kill_switch, blocklist, frozen_session } = parts.byKind;
    this.#empty = kill_switch.size + blocklist.size + frozen_session.size === 0;
  }

  static of(blocks: Iterable<Block>): BlockSnapshot {
    const lists = { kill_switch: new Map(), blocklist: new Map(), frozen_session: new Map() } satisfies {
      [K in BlockKind]: Map<ScopeKind, Map<string, Block[]>>;
    };
    const byId = new Map<string, Block | null>();
    for (const block of blocks) {
      byId.set(block.id, block);
      const { kind, value } = scopeOf(block);
      const byValue = valuesOf(lists[block.kind], kind);
      byValue.set(value, [...(byValue.get(value) ?? NONE), block]);
    }
    return new BlockSnapshot({
      byKind: {
        kill_switch: scopedOf(lists.kill_switch),
        blocklist: scopedOf(lists.blocklist),
        frozen_session: scopedOf(lists.frozen_session),
      },
      byId: LayeredMap.over(byId),
    });
  }

  get empty(): boolean {
    return this.#empty;
  }

  /** Must the model be known before anything after step 2 may refuse? Step 2 comes before step 3 for every call. */
  get stopsModels(): boolean {
    return this.#parts.byKind.kill_switch.has("model");
  }

  /** Step 2 of a decision. */
  killSwitchOn(call: StoppableCall, nowMs: number): Block | null {
    return this.#find("kill_switch", call, nowMs);
  }

  /** Step 3. */
  blockOn(call: StoppableCall, nowMs: number): Block | null {
    return this.#find("blocklist", call, nowMs) ?? this.#find("frozen_session", call, nowMs);
  }

  /** Also expired ones. */
  on(kind: BlockKind, scope: Scope): readonly Block[] {
    const parsed = parseScope(scope);
    if (parsed === null) return NONE;
    return this.#parts.byKind[kind].get(parsed.kind)?.byValue.get(parsed.value) ?? NONE;
  }

  byId(id: string): Block | null {
    return this.#parts.byId.get(id) ?? null;
  }

  /** Is it in force, or was it, and was lifted? */
  knows(id: string): boolean {
    return this.#parts.byId.get(id) !== undefined;
  }

  *everything(): Generator<Block> {
    for (const block of this.#parts.byId.values()) if (block !== null) yield block;
  }

  *all(kind: BlockKind): Generator<Block> {
    for (const block of this.#parts.byId.values()) if (block?.kind === kind) yield block;
  }

  /** How many are in force. */
  active(kind: BlockKind, nowMs: number): number {
    let active = 0;
    for (const block of this.all(kind)) if (!isExpired(block, nowMs)) active++;
    return active;
  }

  with(block: Block): BlockSnapshot {
    const list = [...this.on(block.kind, block.scope), block];
    return this.#changed(block, list, 1, block);
  }

  without(block: Block): BlockSnapshot {
    if (this.byId(block.id) === null) return this;
    const list = this.on(block.kind, block.scope).filter((other) => other.id !== block.id);
    return this.#changed(block, list, -1, null);
  }

  #changed(block: Block, list: readonly Block[], by: 1 | -1, now: Block | null): BlockSnapshot {
    const { kind, value } = scopeOf(block);
    const byScope = new Map(this.#parts.byKind[block.kind]);
    const old = byScope.get(kind) ?? { count: 0, byValue: LayeredMap.over<readonly Block[]>(new Map()) };
    if (old.count + by === 0) byScope.delete(kind);
    else byScope.set(kind, { count: old.count + by, byValue: old.byValue.with(value, list) });
    return new BlockSnapshot({
      byKind: { ...this.#parts.byKind, [block.kind]: byScope },
      byId: this.#parts.byId.with(block.id, now),
    });
  }

  #find(kind: BlockKind, call: StoppableCall, nowMs: number): Block | null {
    if (this.#empty) return null;
    const byScope = this.#parts.byKind[kind];
    if (byScope.size === 0) return null;
    for (const scope of BLOCK_SCOPES[kind]) {
      const scoped = byScope.get(scope);
      if (scoped === undefined) continue;
      const value = valueOf(call, scope);
      if (value === null) continue;
      const found = inForce(scoped, value, nowMs);
      if (found !== null) return found;
      for (const model of scope === "model" ? call.otherModels : NO_MODELS) {
        const other = inForce(scoped, model, nowMs);
        if (other !== null) return other;
      }
    }
    return null;
  }
}

/** The instant itself is past it already: windows are half-open everywhere. */
export function isExpired(block: Block, nowMs: number): boolean {
  return block.expiresMs !== null && block.expiresMs <= nowMs;
}

/** Does this scope stop that call? For calls under way, where one new block meets many of them. */
export function scopeHits({ kind, value }: ParsedScope, call: StoppableCall): boolean {
  return valueOf(call, kind) === value || (kind === "model" && call.otherModels.includes(value));
}

function inForce({ byValue }: Scoped, value: string, nowMs: number): Block | null {
  for (const block of byValue.get(value) ?? NONE) if (!isExpired(block, nowMs)) return block;
  return null;
}

function valueOf(call: StoppableCall, kind: ScopeKind): string | null {
  switch (kind) {
    case "org":
      return "";
    case "key":
      return call.key;
    case "model":
      return call.model;
    case "provider":
      return call.provider;
    case "session":
    case "agent":
    case "feature":
    case "service":
    case "user":
    case "team":
    case "customer":
      return call.dimensions[kind] ?? null;
  }
}

function valuesOf(map: Map<ScopeKind, Map<string, Block[]>>, kind: ScopeKind): Map<string, Block[]> {
  let values = map.get(kind);
  if (values === undefined) map.set(kind, (values = new Map()));
  return values;
}

function scopedOf(lists: Map<ScopeKind, Map<string, Block[]>>): ByScope {
  return new Map(
    [...lists].map(([kind, byValue]) => [
      kind,
      {
        count: [...byValue.values()].reduce((sum, list) => sum + list.length, 0),
        byValue: LayeredMap.over<readonly Block[]>(byValue),
      },
    ]),
  );
}

export function scopeOf(block: Block): ParsedScope {
  const parsed = parseScope(block.scope);
  if (parsed === null) throw new RangeError(`${block.id}.scope: expected a scope, got ${block.scope}`);
  return parsed;
}
