import type { Amounts, Limit } from "@tollhouse/engine";
import { add, CallFold, type Frame, type HeldOn } from "./call-log.ts";
import type { ClusterDatabase, Snapshot } from "./cluster-database.ts";
import type { CounterServer, Hold } from "./counter-server.ts";

/**
 * Judges several nodes by what each of them wrote down, whatever their counters say: what calls have used, and what those that run may
 * still use, is within every hard limit at each moment. At rest counters, sums and what was written down are one.
 */
export class ClusterAuditor {
  readonly breaks: string[] = [];
  readonly #limits: readonly Limit[];
  readonly #nodes: readonly { readonly name: string; readonly frames: readonly Frame[] }[];
  readonly #server: CounterServer;
  readonly #database: ClusterDatabase;
  readonly #truth = new Map<string, CallFold>();
  /**
   * The one gap there is (docs/adr/0016): what a node had not recorded when it was lost in the same moment as the counters is unknown to a
   * rebuild, until it comes back. By `limit window`.
   */
  readonly #unknown = new Map<string, bigint>();
  #look: Snapshot | null = null;
  #heldBefore: readonly (readonly [id: string, hold: Hold])[] = [];

  constructor(
    limits: readonly Limit[],
    nodes: readonly { readonly name: string; readonly frames: readonly Frame[] }[],
    server: CounterServer,
    database: ClusterDatabase,
  ) {
    this.#limits = limits;
    this.#nodes = nodes;
    this.#server = server;
    this.#database = database;
  }

  broken(what: string): void {
    if (this.breaks.length < 30 && !this.breaks.includes(what)) this.breaks.push(what);
  }

  wrote(node: string, frame: Frame): void {
    this.#truthOf(node).take(frame);
    if ((this.#truthOf(node).outcomes.get(frame.id) ?? 0) > 1) this.broken(`${frame.id}: has two ends`);
    for (const [name, used] of this.#used()) {
      const limit = this.#limits.find(({ id }) => name.startsWith(`${id} `));
      if (limit?.mode !== "hard") continue;
      const most = limit.amount + (this.#unknown.get(name) ?? 0n);
      if (used > most)
        this.broken(`${name}: ${used} is used and held of ${limit.amount}, ${most - limit.amount} of it unknown`);
    }
  }

  /** What the database has of a node that has laid down is all there is of it. */
  looked(snapshot: Snapshot): void {
    this.#look = snapshot;
    for (const { name, frames } of this.#nodes) {
      if (!snapshot.acknowledged.includes(name)) continue;
      const late = frames
        .slice(this.#database.recordedOf(name).frames)
        .find(({ t, id }) => t !== "outcome" && (this.#truthOf(name).open.get(id)?.on.length ?? 0) > 0);
      if (late !== undefined)
        this.broken(`${name} has laid down, and the ${late.t} of ${late.id} is not in the database`);
    }
  }

  /** What the counters held when they were closed, unless they had lost something, is known to whoever counts anew. */
  closed(): void {
    this.#heldBefore = this.#server.lost ? [] : [...this.#server.state.holds];
  }

  /** A rebuild is open: what neither the database nor the counters knew of a node that was away. */
  opened(): void {
    const heldBefore = this.#heldBefore;
    // Counters that are emptied are not closed: the next rebuild knows nothing of what these held.
    this.#heldBefore = [];
    const { acknowledged = [], reason = "" } = this.#look ?? {};
    // Nothing else had gone wrong: then everything had to be known.
    if (!this.#server.lost && reason.endsWith("is gone")) return;
    for (const { name } of this.#nodes) {
      if (acknowledged.includes(name)) continue;
      const { fold, stored } = this.#database.recordedOf(name);
      const known = new Map(fold.settled);
      const there = [...heldBefore, ...this.#server.state.holds];
      const held = new Map(there.filter(([id, { owner }]) => owner === name && !fold.outcomes.has(id)));
      for (const { id, on, held: amounts } of fold.open.values())
        if (stored.has(id) && !held.has(id)) addAll(known, on, amounts);
      for (const { on, amounts } of held.values()) addAll(known, on, amounts);
      for (const [counter, used] of this.#truthOf(name).used()) {
        const missing = used - (known.get(counter) ?? 0n);
        if (missing > 0n) add(this.#unknown, counter, missing);
      }
    }
  }

  atRest(): void {
    const [truth, sums] = [this.#used(), new Map<string, bigint>()];
    for (const { name, frames } of this.#nodes) {
      const { fold } = this.#database.recordedOf(name);
      for (const [counter, amount] of fold.settled) add(sums, counter, amount);
      if (fold.open.size > 0) this.broken(`${name}: ${[...fold.open.keys()].join(", ")} never ended`);
      const began = frames.filter(({ t }) => t === "intent").length;
      if (began !== this.#truthOf(name).outcomes.size) this.broken(`${name}: ${began} calls, not as many ends`);
    }
    const counted = new Map<string, bigint>();
    for (const { limitId, windowId, settled, reserved } of this.#server.state.counters.dump()) {
      if (reserved !== 0n)
        this.broken(
          `${limitId} ${windowId}: ${reserved} is held at rest, by ${[...this.#server.state.holds.keys()].join(", ")}`,
        );
      counted.set(`${limitId} ${windowId}`, settled);
    }
    for (const name of new Set([...truth.keys(), ...sums.keys(), ...counted.keys()])) {
      const [written, summed, there] = [truth, sums, counted].map((one) => one.get(name) ?? 0n);
      if (written !== summed || written !== there)
        this.broken(`${name}: ${written} written down, ${summed} in the database, ${there} in the counters`);
    }
  }

  #used(): Map<string, bigint> {
    const used = new Map<string, bigint>();
    for (const fold of this.#truth.values()) for (const [name, amount] of fold.used()) add(used, name, amount);
    return used;
  }

  #truthOf(node: string): CallFold {
    let fold = this.#truth.get(node);
    if (fold === undefined) this.#truth.set(node, (fold = new CallFold()));
    return fold;
  }
}

function addAll(to: Map<string, bigint>, on: readonly HeldOn[], held: Amounts): void {
  for (const { limit, windowId } of on) add(to, `${limit.id} ${windowId}`, held[limit.measure]);
}
