import { comparePositions, SPOOL_START } from "./position.ts";
import type { Position } from "./position.ts";
import type { SpoolFrame } from "./read-spool.ts";
import type { ExtendRecord, IntentRecord, OutcomeRecord } from "./records.ts";

/** A call with an intent and, as far as the spool was read, no outcome. */
export interface OpenCall {
  readonly intent: IntentRecord;
  /** Held now, extensions included: nano-dollars and tokens. */
  reservedUsd: bigint;
  reservedTokens: bigint;
  /** Of the intent's frame. */
  readonly position: Position;
  /** Wall clock when it was read here. */
  readonly seenMs: number;
  /** Another node ended it: its entry is there, and what comes of it here amends that. */
  readonly endedElsewhere?: boolean;
}

export interface EndedCall {
  readonly call: OpenCall;
  readonly outcome: OutcomeRecord;
}

/** Where a spool's recorder is, as the database has it. */
export interface RecorderState {
  /** Reading starts here: the earliest intent that is open at `done` and not in `open`. */
  readonly start: Position;
  /** Everything before this place is in the ledger. */
  readonly done: Position;
  /** Calls open for long, as they stood at `done`. */
  readonly open: readonly {
    readonly intent: IntentRecord;
    readonly reservedUsd: bigint;
    readonly reservedTokens: bigint;
    readonly endedElsewhere?: boolean;
  }[];
}

export const NOTHING_RECORDED: RecorderState = { start: SPOOL_START, done: SPOOL_START, open: [] };

/**
 * Joins intents, extensions and outcomes. Frames must be fed in order from `state.start` on; those before `state.done` only
 * rebuild what was open there.
 */
export class OpenCalls {
  readonly #done: Position;
  /** In the order of their intents, so the first is the earliest. */
  readonly #fresh = new Map<string, OpenCall>();
  readonly #stored = new Map<string, OpenCall>();
  readonly #changedStored = new Set<string>();
  readonly #endedStored: string[] = [];

  constructor(state: RecorderState, nowMs: number) {
    this.#done = state.done;
    for (const call of state.open)
      this.#stored.set(call.intent.decision, { ...call, position: state.done, seenMs: nowMs });
  }

  /** Was this frame applied to the ledger already, before a restart? */
  applied(frame: SpoolFrame): boolean {
    return comparePositions(frame.position, this.#done) < 0;
  }

  intent(frame: SpoolFrame, intent: IntentRecord, nowMs: number): void {
    if (this.#stored.has(intent.decision)) return;
    this.#fresh.set(intent.decision, {
      intent,
      reservedUsd: BigInt(intent.reservedUsd),
      reservedTokens: BigInt(intent.reservedTokens),
      position: frame.position,
      seenMs: nowMs,
    });
  }

  extend(frame: SpoolFrame, extend: ExtendRecord): void {
    const stored = this.#stored.get(extend.decision);
    // What was stored stood as it was at `done`: extensions before it are in it.
    if (stored && this.applied(frame)) return;
    const call = stored ?? this.#fresh.get(extend.decision);
    if (!call) return;
    call.reservedUsd += BigInt(extend.usd);
    call.reservedTokens += BigInt(extend.tokens);
    if (stored) this.#changedStored.add(extend.decision);
  }

  /** Null where no call of this decision is open: it ended before. */
  outcome(outcome: OutcomeRecord): EndedCall | null {
    const call = this.end(outcome.decision);
    return call && { call, outcome };
  }

  /** The call of this decision, which is no longer open; null where it was not. */
  end(decision: string): OpenCall | null {
    const fresh = this.#fresh.get(decision);
    if (fresh) {
      this.#fresh.delete(decision);
      return fresh;
    }
    const stored = this.#stored.get(decision);
    if (!stored) return null;
    this.#stored.delete(decision);
    this.#changedStored.delete(decision);
    this.#endedStored.push(decision);
    return stored;
  }

  /** All open calls: long open ones first, then in the order of their intents. */
  *all(): Generator<OpenCall, void> {
    yield* this.#stored.values();
    yield* this.#fresh.values();
  }

  /** Where the earliest open call begins that is not stored; null = none. */
  earliest(): Position | null {
    const [first] = this.#fresh.values();
    return first?.position ?? null;
  }

  /** Calls read before `beforeMs` (Infinity: all) and still open count as stored from now on. Returns them, with stored ones that grew. */
  takeStored(beforeMs: number): OpenCall[] {
    const taken = [...this.#changedStored].flatMap((decision) => this.#stored.get(decision) ?? []);
    this.#changedStored.clear();
    for (const [decision, call] of this.#fresh) {
      if (call.seenMs >= beforeMs) break;
      this.#fresh.delete(decision);
      this.#stored.set(decision, call);
      taken.push(call);
    }
    return taken;
  }

  /** Decisions of stored calls that ended since the last time. */
  takeEnded(): string[] {
    return this.#endedStored.splice(0);
  }

  /** Is there anything `takeStored` or `takeEnded` would give? */
  hasToStore(beforeMs: number): boolean {
    const [first] = this.#fresh.values();
    return (
      this.#changedStored.size > 0 || this.#endedStored.length > 0 || (first !== undefined && first.seenMs < beforeMs)
    );
  }
}
