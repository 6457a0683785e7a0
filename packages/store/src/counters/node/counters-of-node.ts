import { CountersUnavailable, type SharedCounters, type SharedCounterStore } from "../shared-counters.ts";
import type { CounterState } from "../counter-store.ts";
import type { Overrun } from "../reservation-answers.ts";
import { Allowance } from "./allowance.ts";
import { Breaker, NotAsked } from "./breaker.ts";
import { NodeCounters } from "./node-counters.ts";
import { SeenStates } from "./seen-states.ts";
import { Teller } from "./teller.ts";

export interface CountersOfNodeParts {
  readonly shared: Pick<SharedCounters, "of">;
  /** May this node admit calls? The fence says. */
  admitting(): boolean;
  /** A rebuild takes some hundred milliseconds, and a call rather waits for it than be refused. False: it takes longer than that. */
  untilAdmitting?(withinMs: number): Promise<boolean>;
  /**
   * Writes out what was appended up to now, so that it survives the process: nothing is told to the counters that its own node could forget.
   * False: the disk refuses, and what ended goes on being held.
   */
  writtenOut(): boolean;
  /** Milliseconds since 1970. */
  now(): number;
  /** Nano-dollars that this node may spend without being counted while the counters cannot answer. */
  readonly allowance: bigint;
  /** A bug of ours. */
  failed(error: unknown): void;
  /** The counters have lost something that only a rebuild brings back. */
  distrust(reason: string): void;
  onOverrun?(overrun: Overrun): void;
  /** How counters stood right after something was held on them. */
  held?(states: readonly CounterState[]): void;
  /** A reservation of a node that does not say for so long that it lives may be ended by others. */
  readonly aliveMs?: number;
  readonly keepAliveEveryMs?: number;
  readonly untoldMax?: number;
  /** An answer that is older was left lying by a process that was stopped: others may have gone on without it meanwhile. */
  readonly answerMs?: number;
}

/** For the status page and the metrics. */
export interface NodeCountersState {
  /** Ends that the store does not know yet, and how many may wait. */
  readonly untold: number;
  readonly untoldMax: number;
  /** Reservations of this node that are pending. */
  readonly held: number;
  /** Tenants whose counters do not answer and are not waited for. */
  readonly notAsked: number;
  /** Nano-dollars. */
  readonly allowance: { readonly of: bigint; readonly used: bigint };
}

const ALIVE_MS = 30_000;
const KEEP_ALIVE_EVERY_MS = 5_000;
const UNTOLD_MAX = 100_000;
const IDS_AT_ONCE = 1_000;
const REBUILD_MS = 2_000;
const ANSWER_MS = 2_000;
const CLOSE_MS = 5_000;

/** The shared counters as one node uses them: what it holds, what it saw, what it still has to tell, and whether they answer at all. */
export class CountersOfNode {
  readonly seen = new SeenStates();
  readonly allowance: Allowance;
  readonly teller: Teller;
  readonly #parts: CountersOfNodeParts;
  readonly #tenants = new Map<string, NodeCounters>();
  readonly #breakers = new Map<string, Breaker>();
  readonly #keepingAlive: NodeJS.Timeout;
  #generation = 0;
  #laidDown = false;
  /** Has a call waited for the counters to be open, and too long? Then none does until they are. */
  #waitedInVain = false;

  constructor(parts: CountersOfNodeParts) {
    const { untoldMax: max = UNTOLD_MAX, keepAliveEveryMs = KEEP_ALIVE_EVERY_MS } = parts;
    this.#parts = parts;
    this.allowance = new Allowance(parts.allowance);
    this.teller = new Teller({
      max,
      writtenOut: () => parts.writtenOut(),
      failed: (error) => parts.failed(error),
      overflowed: () => parts.distrust("more ended than could be told to the counters"),
    });
    this.#keepingAlive = setInterval(() => void this.keepAlive(), keepAliveEveryMs);
    this.#keepingAlive.unref();
  }

  /** How often this node has laid down. */
  get generation(): number {
    return this.#generation;
  }

  of(tenant: string): NodeCounters {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const made = new NodeCounters(this, tenant, this.#parts.shared.of(tenant));
    this.#tenants.set(tenant, made);
    return made;
  }

  state(): NodeCountersState {
    let held = 0;
    for (const counters of this.#tenants.values()) held += counters.heldCount;
    return {
      untold: this.teller.untold,
      untoldMax: this.#parts.untoldMax ?? UNTOLD_MAX,
      held,
      notAsked: [...this.#breakers.values()].filter(({ open }) => open).length,
      allowance: { of: this.allowance.of, used: this.allowance.used },
    };
  }

  /**
   * The node lays down what it has, for a rebuild. To be called in the turn in which its recorder is told to: what was written before is in
   * the rebuild's snapshot, what is written after is not. No verb is taken until `entered`.
   */
  layDown(): void {
    this.#generation += 1;
    this.#laidDown = true;
    this.teller.layDown();
  }

  /** A new epoch is open, and its verbs are this node's. */
  entered(): void {
    this.#laidDown = false;
    this.#waitedInVain = false;
    this.seen.clear();
    this.#breakers.clear();
    void this.teller.goOn();
    void this.keepAlive();
  }

  /** Is an answer to what was asked then too old to be acted upon? */
  isOld(askedMs: number): boolean {
    return performance.now() - askedMs > (this.#parts.answerMs ?? ANSWER_MS);
  }

  get admitting(): boolean {
    return !this.teller.full && this.#parts.admitting();
  }

  /** What ended before is told before. */
  askNext<T>(tenant: string, verb: () => T | Promise<T>): Promise<T> {
    this.teller.tellFresh();
    return this.ask(tenant, verb);
  }

  /** Throws where calls are not to be admitted. */
  async untilAdmitting(): Promise<void> {
    if (this.teller.full) throw new NotAsked("slow", "too much has ended that the counters do not know yet");
    if (this.#parts.admitting()) return;
    if (!this.#waitedInVain && (await this.#parts.untilAdmitting?.(REBUILD_MS)) === true) return;
    this.#waitedInVain = true;
    throw new NotAsked("fenced", "the counters are being rebuilt");
  }

  async ask<T>(tenant: string, verb: () => T | Promise<T>): Promise<T> {
    if (this.#laidDown) throw new CountersUnavailable("fenced", "the counters are being rebuilt");
    const breaker = this.#breakerOf(tenant);
    breaker.pass(performance.now());
    try {
      const answer = await verb();
      breaker.answered();
      return answer;
    } catch (error) {
      if (error instanceof CountersUnavailable) breaker.failed(error, performance.now());
      else breaker.answered();
      throw error;
    }
  }

  note(states: readonly CounterState[], held = false): void {
    this.seen.note(states, performance.now());
    if (held) this.#parts.held?.(states);
  }

  distrust(reason: string): void {
    this.#parts.distrust(reason);
  }

  overran(overrun: Overrun): void {
    this.#parts.onOverrun?.(overrun);
  }

  /** Without it, others would take this node for dead and end its reservations. */
  async keepAlive(): Promise<void> {
    const deadlineMs = this.#parts.now() + (this.#parts.aliveMs ?? ALIVE_MS);
    await Promise.all([...this.#tenants].map(([tenant, counters]) => this.#keepTenant(tenant, counters, deadlineMs)));
  }

  /** After the last call has its end. False: not all of it could be told. */
  async close(): Promise<boolean> {
    clearInterval(this.#keepingAlive);
    return await this.teller.close(CLOSE_MS);
  }

  async #keepTenant(tenant: string, counters: NodeCounters, deadlineMs: number): Promise<void> {
    const ids = [...counters.keptIds()];
    try {
      for (let i = 0; i < ids.length; i += IDS_AT_ONCE) {
        const some = ids.slice(i, i + IDS_AT_ONCE);
        await this.ask(tenant, () => (counters.store as SharedCounterStore).keepAlive(some, deadlineMs));
      }
    } catch (error) {
      // Said again with the next round; the deadline is several of them long.
      if (!(error instanceof CountersUnavailable)) this.#parts.failed(error);
    }
  }

  #breakerOf(tenant: string): Breaker {
    let breaker = this.#breakers.get(tenant);
    if (breaker === undefined) this.#breakers.set(tenant, (breaker = new Breaker()));
    return breaker;
  }
}
