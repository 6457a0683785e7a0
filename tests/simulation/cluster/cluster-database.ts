import { statementName } from "../../../packages/store/src/database/sql.ts";
import type { QueryAnswer, Queryable } from "@tollhouse/store";
import type { Random } from "../../chaos/random.ts";
import type { Owner, VirtualTime } from "../virtual-time.ts";
import { add, CallFold, type Frame, type OpenCall } from "./call-log.ts";

const LEASE_MS = 5_000;
const ANSWER_MS_MAX = 3_000;

export interface NodeRow {
  readonly id: string;
  instance: string;
  name: string;
  state: "up" | "stopped";
  heartbeatMs: number;
  aliveSinceMs: number;
  acknowledged: bigint;
  entered: bigint;
  owes: boolean;
}

interface Fence {
  epoch: bigint;
  state: "open" | "closed";
  reason: string;
  opened: bigint;
  builder: string | null;
}

/** What of one node is in the database. */
export interface Recorded {
  readonly fold: CallFold;
  /** Frames that it is the fold of. */
  frames: number;
  /** Open calls that are stored: those of a second and older, and all of a node that has laid down. */
  stored: ReadonlySet<string>;
}

/** A rebuild's one look at everything. */
export interface Snapshot {
  readonly acknowledged: readonly string[];
  readonly sums: ReadonlyMap<string, bigint>;
  readonly open: readonly (OpenCall & { readonly owner: string })[];
  /** Calls that are stored as open, or have ended. */
  readonly known: ReadonlySet<string>;
  readonly opened: bigint;
  /** Why the epoch before was closed. */
  readonly reason: string;
}

type Answer = Record<string, unknown>[];

/**
 * PostgreSQL as the nodes meet it: the statements of packages/store/src/nodes with their conditions, by its own clock, and what the
 * recorders have brought. The real tests of that folder show that the same statements do there what is assumed here.
 */
export class ClusterDatabase {
  readonly nodes = new Map<string, NodeRow>();
  readonly recorded = new Map<string, Recorded>();
  readonly fence: Fence = { epoch: 1n, state: "closed", reason: "the first start", opened: 0n, builder: null };
  readonly #time: VirtualTime;
  readonly #changed: () => void;

  constructor(time: VirtualTime, changed: () => void) {
    this.#time = time;
    this.#changed = changed;
  }

  recordedOf(node: string): Recorded {
    let recorded = this.recorded.get(node);
    if (recorded === undefined)
      this.recorded.set(node, (recorded = { fold: new CallFold(), frames: 0, stored: new Set() }));
    return recorded;
  }

  /** One transaction of a recorder: `frames` follow on the `from` that are there. A replay changes nothing. */
  commit(node: string, from: number, frames: readonly Frame[], stores: (call: OpenCall) => boolean): void {
    const recorded = this.recordedOf(node);
    if (from !== recorded.frames) return;
    for (const frame of frames) recorded.fold.take(frame);
    recorded.frames += frames.length;
    const stored = [...recorded.fold.open.values()].filter((call) => recorded.stored.has(call.id) || stores(call));
    recorded.stored = new Set(stored.map(({ id }) => id));
  }

  snapshot(epoch: bigint): Snapshot {
    const sums = new Map<string, bigint>();
    const open: (OpenCall & { owner: string })[] = [];
    for (const [owner, { fold, stored }] of this.recorded) {
      for (const [name, amount] of fold.settled) add(sums, name, amount);
      for (const call of fold.open.values()) if (stored.has(call.id)) open.push({ ...call, owner });
    }
    const acknowledged = [...this.nodes.values()].filter((node) => node.acknowledged === epoch).map(({ id }) => id);
    const known = new Set(open.map(({ id }) => id));
    for (const { fold } of this.recorded.values()) for (const id of fold.outcomes.keys()) known.add(id);
    return { acknowledged, sums, open, known, opened: this.fence.opened, reason: this.fence.reason };
  }

  /** Answers the rows of a statement; throws where there is none of that name. */
  run(name: string, values: readonly unknown[]): Answer {
    const { fence } = this;
    switch (name) {
      case "fence":
        return [{ ...fence, since: new Date(0), changed_by: null }];
      case "close-fence": {
        const [id, instance, epoch, reason] = values as [string, string, bigint, string];
        if (fence.epoch !== epoch || fence.state !== "open" || this.#rowOf(id, instance) === null) return [];
        return this.close(reason);
      }
      case "reclose-fence": {
        const [id, epoch] = values as [string, bigint];
        const free = fence.builder === null || fence.builder === id || !this.lives(fence.builder);
        return fence.epoch === epoch && fence.state === "closed" && free ? this.close(fence.reason) : [];
      }
      case "acknowledge-fence": {
        const [id, instance, epoch] = values as [string, string, bigint];
        const row = this.#rowOf(id, instance);
        if (row === null || fence.epoch !== epoch || fence.state !== "closed") return [];
        row.acknowledged = epoch;
        return this.#told();
      }
      case "take-rebuild":
        return this.takeRebuild(...(values as [string, bigint]));
      case "open-fence": {
        const [id, epoch, counted] = values as [string, bigint, readonly string[]];
        if (fence.epoch !== epoch || fence.state !== "closed" || fence.builder !== id) return [];
        Object.assign(fence, { state: "open", opened: epoch, builder: null, reason: "rebuilt" });
        for (const row of this.nodes.values())
          if (counted.includes(row.id) && row.acknowledged === epoch) row.owes = false;
        return this.#told();
      }
      case "enter-epoch":
        return this.enterEpoch(...(values as [string, string, bigint]));
      case "join-node":
        return this.#join(...(values as [string, string, string, ...unknown[]]));
      case "beat-node":
        return this.#beat(values[0] as string, values[1] as string);
      case "node-instance":
        return this.nodes.has(values[0] as string) ? [{ instance: this.nodes.get(values[0] as string)?.instance }] : [];
      case "leave-node":
      case "forget-nodes":
        return [];
      default:
        throw new Error(`the simulated database does not know the statement ${name}`);
    }
  }

  protected takeRebuild(id: string, epoch: bigint): Answer {
    const { fence } = this;
    const me = this.nodes.get(id);
    if (fence.epoch !== epoch || fence.state !== "closed" || fence.builder !== null) return [];
    if (me === undefined || !this.lives(id) || me.acknowledged !== epoch) return [];
    const rows = [...this.nodes.values()];
    if (rows.some((row) => this.lives(row.id) && row.acknowledged !== epoch)) return [];
    const gone = (row: NodeRow): boolean =>
      row.owes &&
      row.entered === fence.opened &&
      fence.opened !== 0n &&
      row.acknowledged !== epoch &&
      !this.lives(row.id);
    if (!this.#isLongHere(me) && rows.some(gone)) return [];
    fence.builder = id;
    return [{ epoch }];
  }

  protected enterEpoch(id: string, instance: string, epoch: bigint): Answer {
    const row = this.#rowOf(id, instance);
    const { fence } = this;
    if (row === null || fence.epoch !== epoch || fence.state !== "open") return [];
    if (row.owes && row.entered !== epoch) return [];
    Object.assign(row, { entered: epoch, acknowledged: 0n, owes: true });
    return [{ entered: 1 }];
  }

  #join(id: string, instance: string, name: string, ...rest: readonly unknown[]): Answer {
    const nowMs = this.#time.nowMs;
    const known = this.nodes.get(id);
    const owes = known === undefined ? (rest.at(-1) as boolean) : known.owes || known.acknowledged !== 0n;
    this.nodes.set(id, {
      id,
      instance,
      name,
      state: "up",
      heartbeatMs: nowMs,
      aliveSinceMs: nowMs,
      acknowledged: 0n,
      entered: 0n,
      owes,
    });
    return [{}];
  }

  #beat(id: string, instance: string): Answer {
    const row = this.#rowOf(id, instance);
    if (row === null) return [];
    const nowMs = this.#time.nowMs;
    if (!this.lives(id)) row.aliveSinceMs = nowMs;
    row.heartbeatMs = nowMs;
    const { epoch, state } = this.fence;
    return [{ epoch, open: state === "open" }];
  }

  protected close(reason: string): Answer {
    const atLeast = BigInt(Math.floor(this.#time.nowMs));
    const next = this.fence.epoch + 1n;
    Object.assign(this.fence, { epoch: next > atLeast ? next : atLeast, state: "closed", reason, builder: null });
    return this.#told();
  }

  #told(): Answer {
    this.#changed();
    return [{ epoch: this.fence.epoch }];
  }

  #rowOf(id: string, instance: string): NodeRow | null {
    const row = this.nodes.get(id);
    return row?.instance === instance ? row : null;
  }

  protected lives(id: string): boolean {
    const row = this.nodes.get(id);
    return row?.state === "up" && row.heartbeatMs > this.#time.nowMs - LEASE_MS;
  }

  #isLongHere(row: NodeRow): boolean {
    return row.aliveSinceMs <= this.#time.nowMs - LEASE_MS;
  }
}

export interface ConnectionParts {
  readonly database: ClusterDatabase;
  readonly owner: Owner;
  readonly time: VirtualTime;
  readonly random: Random;
  /** Of the database, or of this node's way to it. */
  readonly fault: { down: boolean; flaky: boolean };
  readonly seen: (what: string) => void;
}

/** A node's connection: what it asks takes a while, fails, or happens without the answer. */
export class DatabaseConnection implements Queryable {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  async query<Row>(text: string, values: readonly unknown[] = []): Promise<QueryAnswer<Row>> {
    const name = statementName(text);
    if (name === undefined) throw new Error("a statement without a name");
    const rows = await this.ask(() => this.#parts.database.run(name, values));
    return { rows: rows as Row[], rowCount: rows.length };
  }

  ask<T>(run: () => T): Promise<T> {
    const { time, owner, random, fault, seen } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const travel = (): number => random.between(0, 4);
    time.at(ANSWER_MS_MAX, owner, () => reject(new Error("the database did not answer")));
    if (fault.down) {
      time.at(1, owner, () => reject(new Error("the connection was refused")));
      return promise;
    }
    if (fault.flaky && random.next() < 0.01) {
      seen("a statement fails");
      time.at(travel(), owner, () => reject(Object.assign(new Error("could not serialize access"), { code: "40001" })));
      return promise;
    }
    time.at(travel(), null, () => {
      const value = run();
      if (fault.flaky && random.next() < 0.02) {
        seen("the acknowledgement of a commit is lost");
        time.at(travel(), owner, () => reject(new Error("the connection broke during COMMIT")));
      } else time.at(travel(), owner, () => resolve(value));
    });
    return promise;
  }
}
