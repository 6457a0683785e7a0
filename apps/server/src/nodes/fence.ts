import {
  acknowledgeFence,
  closeFence,
  CountersUnavailable,
  DEFAULT_TENANT,
  enterEpoch,
  openFence,
  readFence,
  recloseFence,
  takeRebuild,
  type FenceRow,
  type Heard,
  type NodeProcess,
  type Queryable,
  type Recorder,
  type SharedCounters,
} from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import { Nudge } from "./nudge.ts";
import type { Rebuild } from "./rebuild.ts";

/** Whoever tells the shared counters what calls have used. */
export interface Teller {
  /** What is told by sums is theirs from here on: the recorder's boundary is in this very turn. */
  layDown(): void;
  /** A new epoch takes verbs. */
  entered(): void;
}

export interface FenceParts {
  readonly db: Queryable;
  readonly process: NodeProcess;
  readonly node: { readonly name: string };
  readonly recorder: Pick<Recorder, "layDown" | "goOn">;
  readonly counters: SharedCounters;
  readonly teller: Teller;
  readonly rebuild: Rebuild;
  readonly logger: Logger;
}

export interface FenceState {
  /** In which this node counts; null: in none. */
  readonly epoch: bigint | null;
  /** Why it counts in none, or admits nothing. */
  readonly reason: string | null;
  /** How long nothing was admitted until now; null: it is admitted. */
  readonly closedForMs: number | null;
  /** Made by this process. */
  readonly rebuilds: number;
  readonly lastRebuildMs: number | null;
}

/** A closed epoch that nobody builds for so long gets the next number, so that recorders write down what was held back meanwhile. */
const CLOSED_MS_MAX = 10_000;
const PROBE_MS = 1_000;
const ASK_AGAIN_MS = 200;
const FAILED_MS = [100, 1_000] as const;

/**
 * Where this node stands to the epoch that is open (docs/adr/0016): one loop that reads the fence and takes the one step that follows,
 * whatever happened before. Every step names the epoch it is for, may be repeated, and changes nothing where the fence has gone on.
 */
export class Fence {
  readonly #parts: FenceParts;
  readonly #nudge = new Nudge();
  readonly #waiters = new Set<() => void>();
  readonly #ended: Promise<void>;
  #joined = false;
  #closed = false;
  #cutOff = false;
  #entered: bigint | null = null;
  /** The closed epoch for which everything up to the recorder's boundary is in the database. */
  #laidDown: { readonly epoch: bigint; readonly atMs: number; acknowledged: boolean } | null = null;
  /**
   * Why the epoch that it is in must be closed. That another member is gone is no reason: the counters know what it held and ended in its
   * last seconds, the database does not yet.
   */
  #distrust: string | null = null;
  #asleep: "redis" | "counters" | "database" = "counters";
  #unanswered = 0;
  #reason: string | null = "it has just been started";
  #closedAtMs: number | null = performance.now();
  #rebuilds = 0;
  #lastRebuildMs: number | null = null;

  constructor(parts: FenceParts) {
    this.#parts = parts;
    this.#ended = this.#run();
  }

  get admitting(): boolean {
    return this.#entered !== null && this.#distrust === null && !this.#cutOff;
  }

  waitingFor(): "redis" | "counters" | "database" | null {
    if (this.#cutOff) return "database";
    if (!this.admitting) return this.#asleep;
    // One that comes late under load is no outage.
    return this.#unanswered > 1 ? "redis" : null;
  }

  state(): FenceState {
    const { admitting } = this;
    return {
      epoch: this.#entered,
      reason: admitting ? null : this.#cutOff ? "the database does not answer" : (this.#distrust ?? this.#reason),
      closedForMs: admitting || this.#closedAtMs === null ? null : performance.now() - this.#closedAtMs,
      rebuilds: this.#rebuilds,
      lastRebuildMs: this.#lastRebuildMs,
    };
  }

  async untilAdmitting(withinMs: number): Promise<boolean> {
    if (this.admitting || this.#closed) return this.admitting;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add(resolve);
    const timer = setTimeout(resolve, withinMs);
    await promise;
    clearTimeout(timer);
    this.#waiters.delete(resolve);
    return this.admitting;
  }

  nudge(): void {
    this.#nudge.give();
  }

  /** The database knows this process, as one that has entered nothing. */
  joined(): void {
    this.#joined = true;
    if (this.#laidDown !== null) this.#laidDown.acknowledged = false;
    this.#leave("the database had forgotten this node");
    this.nudge();
  }

  heard({ epoch, open }: Heard): void {
    if (!open || epoch !== this.#entered) this.nudge();
  }

  noticed(reason: string): void {
    if (this.#entered === null || this.#distrust !== null) return;
    this.#distrust = reason;
    this.#closedAtMs ??= performance.now();
    this.nudge();
  }

  cutOff(cutOff: boolean): void {
    this.#cutOff = cutOff;
    if (cutOff) this.#closedAtMs ??= performance.now();
    else if (this.admitting) this.#closedAtMs = null;
    this.#tell();
  }

  /** Ends the loop. What a step in it waits for may never come, and is left. */
  async close({ clean }: { readonly clean: boolean }): Promise<void> {
    this.#closed = true;
    this.#tell();
    const epoch = this.#entered;
    this.nudge();
    await Promise.race([this.#ended, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
    if (clean || epoch === null) return;
    const { db, process, node } = this.#parts;
    // What it could not tell is in the database, or will be when it comes back: the others count anew.
    await closeFence(db, process, epoch, `${node.name} has left with something untold`).catch(() => false);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const waitMs = await this.#step();
        if (waitMs > 0) await this.#nudge.within(waitMs);
      } catch (error) {
        this.#asleep = "database";
        this.#parts.logger.debug("a step at the fence of the counters failed", { error: error as Error });
        await this.#nudge.within(PROBE_MS);
      }
    }
  }

  /** How long nothing follows, unless something happens. */
  async #step(): Promise<number> {
    if (!this.#joined) return PROBE_MS;
    const fence = await readFence(this.#parts.db);
    if (fence.state === "closed") return this.#whileClosed(fence);
    return fence.epoch === this.#entered ? this.#whileOpen(fence.epoch) : this.#enter(fence.epoch);
  }

  async #whileOpen(epoch: bigint): Promise<number> {
    const { db, process, counters } = this.#parts;
    if (this.#distrust !== null) {
      await closeFence(db, process, epoch, this.#distrust);
      return 0;
    }
    try {
      // An idle node finds a store that was emptied, too.
      await counters.of(DEFAULT_TENANT).overdue(0, 1);
      this.#unanswered = 0;
    } catch (error) {
      if (!(error instanceof CountersUnavailable)) throw error;
      if (error.why === "fenced") this.noticed(error.message);
      else this.#unanswered += 1;
    }
    return this.#distrust === null ? PROBE_MS : 0;
  }

  async #enter(epoch: bigint): Promise<number> {
    const { db, process, node, counters, teller, recorder } = this.#parts;
    this.#leave("another epoch of the counters is open");
    if (!(await enterEpoch(db, process, epoch))) {
      // It owes what nobody has counted: a crash, a pause over a rebuild. Once counted anew, it may enter.
      await closeFence(db, process, epoch, `${node.name} comes back`);
      return ASK_AGAIN_MS;
    }
    counters.enter(epoch);
    teller.entered();
    recorder.goOn();
    this.#entered = epoch;
    this.#laidDown = null;
    this.#distrust = null;
    this.#unanswered = 0;
    this.#opened(epoch);
    return 0;
  }

  async #whileClosed(fence: FenceRow): Promise<number> {
    const { db, process, counters } = this.#parts;
    const { epoch, builder } = fence;
    if (this.#laidDown?.epoch !== epoch) {
      await this.#layDown(fence);
      // It may have gone on meanwhile.
      return 0;
    }
    const mine = this.#laidDown;
    if (!mine.acknowledged && !(mine.acknowledged = await acknowledgeFence(db, process, epoch))) return ASK_AGAIN_MS;
    const late = performance.now() - mine.atMs > CLOSED_MS_MAX;
    if (builder !== null || late) {
      // Not where somebody lives and is at it, other than this node: it is not.
      const reclosed = await recloseFence(db, process.id, epoch);
      return reclosed || builder === process.id ? 0 : PROBE_MS;
    }
    if (!(await counters.health()).reachable) {
      this.#asleep = "redis";
      return ASK_AGAIN_MS;
    }
    this.#asleep = "counters";
    if (!(await takeRebuild(db, process.id, epoch))) return ASK_AGAIN_MS;
    return this.#rebuild(epoch);
  }

  /** Nothing is admitted from here on, and everything until now is written down; streams go on within what they hold. */
  async #layDown({ epoch, reason }: FenceRow): Promise<void> {
    const { recorder, teller, logger } = this.#parts;
    if (this.#entered !== null) logger.warning("the shared counters are closed, and will be counted anew", { reason });
    this.#leave(reason);
    // Calls whose reservation was answered until now write their intents in this turn.
    await new Promise(setImmediate);
    this.#laidDown = null;
    await recorder.layDown(() => teller.layDown());
    this.#laidDown = { epoch, atMs: performance.now(), acknowledged: false };
  }

  async #rebuild(epoch: bigint): Promise<number> {
    const { db, process, rebuild, logger } = this.#parts;
    const startedMs = performance.now();
    try {
      const counted = await rebuild(epoch);
      await openFence(db, process.id, epoch, counted);
      this.#rebuilds += 1;
      this.#lastRebuildMs = performance.now() - startedMs;
      return 0;
    } catch (error) {
      logger.warning("the shared counters could not be counted anew, and will be tried again", {
        error: error as Error,
      });
      const [least, most] = FAILED_MS;
      await recloseFence(db, process.id, epoch);
      // Not at the same moment as the other nodes.
      return least + Math.random() * (most - least);
    }
  }

  #leave(reason: string): void {
    this.#reason = reason;
    if (this.#entered === null) return;
    this.#entered = null;
    this.#closedAtMs ??= performance.now();
    this.#parts.counters.enter(null);
  }

  #opened(epoch: bigint): void {
    const closedForMs = Math.round(performance.now() - (this.#closedAtMs ?? performance.now()));
    this.#closedAtMs = null;
    this.#parts.logger.info("calls are admitted by the shared counters", { epoch, closed_for_ms: closedForMs });
    this.#tell();
  }

  #tell(): void {
    if (!this.admitting && !this.#closed) return;
    for (const waiter of this.#waiters) waiter();
  }
}
