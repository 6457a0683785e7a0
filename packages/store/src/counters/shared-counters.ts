import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta, CounterState, CounterStore } from "./counter-store.ts";

/**
 * Why the shared counters cannot answer. `fenced`: their state is not the one this node counted on (a restart, a failover, an emptied
 * or half-emptied store, another node has opened a new epoch): nothing is admitted until they are rebuilt. `unreachable`, `slow`: no answer,
 * or none within the deadline; the verb may have taken effect, and may be repeated.
 */
export type CountersDown = "fenced" | "unreachable" | "slow";

export class CountersUnavailable extends Error {
  readonly why: CountersDown;

  constructor(why: CountersDown, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CountersUnavailable";
    this.why = why;
  }
}

/** A signed change of one counter: what a new limit starts with, a session that is reset, a correction. */
export interface CounterChange {
  readonly limitId: string;
  readonly windowId: string;
  readonly amount: bigint;
}

/** A reservation that the store holds, as anybody can read it there. */
export interface HeldReservation {
  readonly id: string;
  /** The node that keeps it alive. */
  readonly owner: string;
  /** Nobody but its owner ends it before this. */
  readonly deadlineMs: number;
  /** Held on each counter, in the order of its limits. */
  readonly held: readonly (CounterDelta & { readonly measure: Limit["measure"] })[];
  /** It was expired, and nobody has said yet that this is written down. */
  readonly expired: boolean;
}

/** What became of a reservation that somebody else wanted to end. */
export type ExpireResult =
  /** Ended at what it holds, now or by an earlier `expire`; or settled at this by its owner before, as long as the store remembers that. */
  | { readonly outcome: "expired" | "settled"; readonly used: Amounts; readonly deltas: readonly CounterDelta[] }
  /** Its owner keeps it alive, or has released it; or the store does not know it (any more). */
  | { readonly outcome: "kept" | "released" | "unknown" };

/**
 * The counters of one tenant in the shared store. Every verb is one atomic step, idempotent by its id, and throws CountersUnavailable where
 * the store does not answer in time or is not the one that was opened (the state is then unknown, never zero).
 */
export interface SharedCounterStore extends CounterStore {
  /** What calls used that held nothing for it (a limit that came into force while they ran; a session that is reset). Once an id. */
  adjust(id: string, changes: readonly CounterChange[]): Promise<void>;
  /** Moves the deadline of reservations of this node. Those that are ended already stay so, and are returned. */
  keepAlive(ids: readonly string[], deadlineMs: number): Promise<readonly string[]>;
  /** Reservations whose deadline is over, the oldest first; those that are expired until `confirmExpired`, again after a minute. */
  overdue(nowMs: number, atMost: number): Promise<readonly HeldReservation[]>;
  /**
   * Ends somebody else's overdue reservation at what it holds; repeated, it answers the same. Where its owner settles it after all, the
   * difference is counted, once: `settle` then answers the deltas of what was really used.
   */
  expire(id: string, nowMs: number): Promise<ExpireResult>;
  /** These are written down: `overdue` need not tell of them again. */
  confirmExpired(ids: readonly string[]): Promise<void>;
  /** Fresh from the store, in one round trip. */
  look(limits: readonly Limit[], nowMs: number): Promise<readonly CounterState[]>;
}

/** A reservation, with what it holds on each of its counters. */
export interface OpenReservation {
  readonly tenant: string;
  readonly id: string;
  readonly owner: string;
  readonly deadlineMs: number;
  readonly held: readonly {
    readonly limitId: string;
    readonly windowId: string;
    readonly measure: Limit["measure"];
    readonly amount: bigint;
  }[];
}

/** What a rebuild is made of: one snapshot of the database. */
export interface RebuildSource {
  /** Settled sums of every counter whose window can still count. */
  sums(): AsyncIterable<{ readonly tenant: string } & CounterChange>;
  /** Every reservation that is open. */
  open(): AsyncIterable<OpenReservation>;
  /**
   * What the store itself still holds of the epoch that was open last, read once that is closed for good: a node that is away has
   * reservations that no database knows yet. Of those that were found, `unknown` answers the ones that are to be held on.
   */
  readonly left?: {
    readonly epoch: bigint;
    unknown(found: readonly OpenReservation[]): Promise<readonly OpenReservation[]>;
  };
  readonly tenants: readonly string[];
}

/** The shared store as a whole. `epoch` numbers its rebuilds; PostgreSQL keeps which one is open. */
export interface SharedCounters {
  of(tenant: string): SharedCounterStore;
  /**
   * Writes everything anew under `epoch` by SET, closes every earlier epoch for good (a node that was asleep can do nothing with it), and
   * leaves it closed: no verb is taken before `enter`.
   */
  rebuild(epoch: bigint, from: RebuildSource): Promise<void>;
  /** From now on the verbs of this node belong to `epoch`; null: none is taken. */
  enter(epoch: bigint | null): void;
  /** A tenant that was made while `epoch` is open. */
  open(tenant: string): Promise<void>;
  /** Told each time a verb finds the store fenced. */
  onFenced(listener: (reason: string) => void): void;
  /** Does it answer, and with what: for /ready and the status page. */
  health(): Promise<{
    readonly reachable: boolean;
    readonly latencyMs: number | null;
    readonly nodes: readonly string[];
  }>;
  close(): Promise<void>;
}
