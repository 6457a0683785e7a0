import { amountFor } from "../../../packages/store/src/counters/limit-counters.ts";
import type { Amounts, Limit } from "@tollhouse/engine";
import { CountersOfNode, CountersUnavailable, ReservationError, type NodeCounters } from "@tollhouse/store";
import { Fence } from "../../../apps/server/src/nodes/fence.ts";
import { Membership } from "../../../apps/server/src/nodes/membership.ts";
import type { Logger } from "../../../apps/server/src/process/logger.ts";
import type { Random } from "../../chaos/random.ts";
import type { Owner, VirtualTime } from "../virtual-time.ts";
import { CallFold, type Frame } from "./call-log.ts";
import type { ClusterBug } from "./cluster-bugs.ts";
import { DatabaseConnection, type ClusterDatabase, type Snapshot } from "./cluster-database.ts";
import { CounterLink } from "./counter-link.ts";
import type { CounterServer } from "./counter-server.ts";
import { SimulatedRecorder } from "./node-recorder.ts";

export interface ClusterNodeParts {
  readonly name: string;
  readonly owner: Owner;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly server: CounterServer;
  readonly database: ClusterDatabase;
  readonly limits: readonly Limit[];
  readonly counterFault: { cut: boolean; flaky: boolean };
  readonly databaseFault: { down: boolean; flaky: boolean };
  /** What the node wrote down, in this process and those before. */
  readonly frames: Frame[];
  readonly bug: ClusterBug;
  readonly seen: (what: string) => void;
  readonly broken: (what: string) => void;
  /** It writes something down. */
  readonly wrote: (frame: Frame) => void;
  /** A rebuild has looked at the database. */
  readonly looked: (snapshot: Snapshot) => void;
}

/** A call that a client makes, and how it goes. */
export interface PlannedCall {
  readonly id: string;
  readonly limits: readonly Limit[];
  readonly held: Amounts;
  /** Each after a while. */
  readonly extensions: readonly Amounts[];
  readonly stepMs: number;
  /** Of what it holds in the end, 0 to 1; null: nothing was sent, it is released. */
  readonly uses: number | null;
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
} as unknown as Logger;

/** A gateway's counting side: the product's own counters of a node, teller and fence, with a recorder's contract behind them. */
export class ClusterNode {
  readonly parts: ClusterNodeParts;
  readonly counters: CountersOfNode;
  readonly recorder: SimulatedRecorder;
  readonly #link: CounterLink;
  #fence: Fence | null = null;
  #calls = 0;

  constructor(parts: ClusterNodeParts) {
    this.parts = parts;
    const { name: node, counterFault: fault } = parts;
    const db = this.#connection();
    this.recorder = new SimulatedRecorder({ ...parts, db });
    const link = (this.#link = new CounterLink({ ...parts, node, fault }));
    this.counters = new CountersOfNode({
      shared: parts.bug.shared?.(link) ?? link,
      admitting: () => this.#fence?.admitting ?? false,
      untilAdmitting: (ms) => this.#fence?.untilAdmitting(ms) ?? Promise.resolve(false),
      writtenOut: () => true,
      now: Date.now,
      allowance: 0n,
      failed: (error) => parts.broken(`${node}: ${String(error)}`),
      distrust: (reason) => this.#fence?.noticed(reason),
    });
    link.onFenced((reason) => this.#fence?.noticed(reason));
    void this.#start();
  }

  /** Also knows which epoch is open: one that was cut off while it was counted anew owes what it has ended, and does not know it yet. */
  get resting(): boolean {
    const { database, name } = this.parts;
    const isOfNow = database.nodes.get(name)?.entered === database.fence.epoch;
    const { untold } = this.counters.state();
    return this.#calls === 0 && untold === 0 && this.recorder.idle && this.#fence?.admitting === true && isOfNow;
  }

  nudge(): void {
    this.#fence?.nudge();
  }

  async call(planned: PlannedCall, refused: (at: string) => void): Promise<void> {
    this.#calls += 1;
    try {
      await this.#callOnce(planned, refused);
    } catch (error) {
      if (!(error instanceof CountersUnavailable)) this.parts.broken(`${planned.id}: ${String(error)}`);
      else this.parts.seen(`a call is refused: the counters are ${error.why}`);
    } finally {
      this.#calls -= 1;
    }
  }

  /** What the process before left open is ended at what it held; then this one joins. */
  async #start(): Promise<void> {
    const { frames, name, database, random, bug } = this.parts;
    const owes = frames.length > 0;
    const left = new CallFold();
    for (const frame of frames) left.take(frame);
    for (const { id, on, held } of left.open.values()) {
      this.parts.seen("open calls are settled at a start");
      const deltas = on.map(({ limit, windowId }) => ({ limitId: limit.id, windowId, amount: amountFor(limit, held) }));
      this.#write({ t: "outcome", id, deltas });
    }
    await this.recorder.drained();
    const process = { id: name, instance: `${name}-${random.between(1, 1e9)}` };
    const teller = bug.teller?.(this.counters) ?? this.counters;
    const rebuild = (epoch: bigint): Promise<readonly string[]> => this.#rebuild(epoch);
    const recorder = bug.recorder?.(this.recorder) ?? this.recorder;
    const fence = (this.#fence = new Fence({
      db: this.#connection(),
      process,
      node: { name },
      recorder,
      counters: this.#link,
      teller,
      rebuild,
      logger: SILENT,
    }));
    new Membership({
      db: this.#connection(),
      joining: { ...process, name, roles: [], version: "0", pid: 1, owes },
      address: () => "",
      figures: () => ({ spoolBytes: 0, inFlight: this.#calls, pending: 0, untold: 0, overspendMax: 0n }),
      withoutDatabaseMs: 60_000,
      onJoined: () => fence.joined(),
      onHeard: (heard) => fence.heard(heard),
      onCutOff: (cutOff) => fence.cutOff(cutOff),
      onReplaced: () => this.parts.broken(`${name}: replaced, and there is no other`),
      logger: SILENT,
    });
    database.recordedOf(name);
  }

  async #callOnce({ id, limits, held, extensions, stepMs, uses }: PlannedCall, refused: (at: string) => void) {
    const counters = this.counters.of("");
    const nowMs = Date.now();
    const result = await counters.reserve(id, limits, held, nowMs);
    if (result.outcome === "refused") return refused(result.by.limit.id);
    const on = result.states.map(({ limit, window }) => ({ limit, windowId: window.id }));
    this.#write({ t: "intent", id, atMs: this.parts.time.nowMs, on, held });
    let all = held;
    for (const more of extensions) {
      await this.parts.time.pause(stepMs);
      if (!(await this.#extended(counters, id, more))) break;
      all = { usd: all.usd + more.usd, tokens: all.tokens + more.tokens, requests: all.requests + more.requests };
    }
    await this.parts.time.pause(stepMs);
    if (uses === null) {
      counters.release(id);
      return this.#write({ t: "outcome", id, deltas: [] });
    }
    const part = (amount: bigint): bigint => (amount * BigInt(Math.round(uses * 1_000))) / 1_000n;
    const used = { usd: part(all.usd), tokens: part(all.tokens), requests: all.requests };
    this.#write({ t: "outcome", id, deltas: counters.settle(id, used) });
  }

  async #extended(counters: NodeCounters, id: string, more: Amounts): Promise<boolean> {
    try {
      const result = await counters.extend(id, more);
      if (result.outcome === "refused") return false;
      this.#write({ t: "extend", id, more });
      return true;
    } catch (error) {
      if (error instanceof CountersUnavailable || error instanceof ReservationError) return false;
      throw error;
    }
  }

  async #rebuild(epoch: bigint): Promise<readonly string[]> {
    const { database, limits, looked } = this.parts;
    const snapshot = await this.#connection().ask(() => {
      const seen = database.snapshot(epoch);
      looked(seen);
      return seen;
    });
    const measureOf = (id: string): Limit["measure"] => limits.find((limit) => limit.id === id)?.measure ?? "usd";
    const known = (id: string): boolean => snapshot.known.has(id);
    await this.#link.rebuild(epoch, {
      tenants: [""],
      left: {
        epoch: snapshot.opened,
        unknown: (found) =>
          Promise.resolve(found.filter(({ id, owner }) => !snapshot.acknowledged.includes(owner) && !known(id))),
      },
      async *sums() {
        for (const [name, amount] of snapshot.sums) {
          const [limitId = "", windowId = ""] = name.split(" ");
          yield { tenant: "", limitId, windowId, amount };
        }
      },
      async *open() {
        for (const { id, owner, on, held } of snapshot.open) {
          const counts = on.map(({ limit, windowId }) => {
            const measure = measureOf(limit.id);
            return { limitId: limit.id, windowId, measure, amount: held[measure] };
          });
          yield { tenant: "", id, owner, deadlineMs: 0, held: counts };
        }
      },
    });
    return snapshot.acknowledged;
  }

  #write(frame: Frame): void {
    this.parts.frames.push(frame);
    this.parts.wrote(frame);
  }

  #connection(): DatabaseConnection {
    return new DatabaseConnection({ ...this.parts, fault: this.parts.databaseFault });
  }
}
