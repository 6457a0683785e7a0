import { draftOfUsage } from "../recorded-usage/usage-draft.ts";
import { OpenCalls } from "../spool/open-calls.ts";
import { comparePositions } from "../spool/position.ts";
import type { Position } from "../spool/position.ts";
import type { SpoolFrame } from "../spool/read-spool.ts";
import type { Batch } from "./append-batch.ts";
import { BlockedFloods } from "./blocked-floods.ts";
import { draftOfAdmin, draftOfBlocked, draftOfCall, draftOfErasure, draftOfRotation } from "./entry-draft.ts";
import type { EntryDraft } from "./entry-draft.ts";
import type { StoredRecorderState } from "./recorder-state.ts";
import { draftOfSwept } from "./swept-draft.ts";

/** A call open for longer is kept in the database, and no longer holds the spool back. */
const STORE_AFTER_MS = 1000;

/** Something that does not fit. */
type Trouble = (message: string) => void;

/** Turns frames into batches; keeps what is open between them. What a batch says is of the moment when it was made, however many are made after it. */
export class BatchMaker {
  readonly #node: string;
  readonly #open: OpenCalls;
  readonly #floods: BlockedFloods;
  readonly #trouble: Trouble;
  /** Everything before this place is in the ledger. */
  readonly #done: Position;

  constructor(node: string, state: StoredRecorderState, trouble: Trouble) {
    this.#node = node;
    this.#open = new OpenCalls(state, Date.now());
    this.#floods = new BlockedFloods(node, state.floods);
    this.#trouble = trouble;
    this.#done = state.done;
  }

  /** Null = nothing to write. `end`: how far the spool was read with these frames. */
  make(
    frames: readonly SpoolFrame[],
    end: Position,
    nowMs: number,
    closeFloods: boolean,
    storeAll = false,
  ): Batch | null {
    const drafts: EntryDraft[] = [];
    for (const frame of frames) this.#feed(frame, nowMs, drafts);
    // Read again, for what was open at `done`. A batch that ends before that would have the next start take what is recorded for new.
    if (comparePositions(end, this.#done) < 0) return null;
    // A second stays open for one more, so that records written a moment late still count in it.
    // While frames come, theirs is the time: a backlog is older than the clock.
    const newest = frames.at(-1)?.record;
    const closeBefore = (newest && "timeMs" in newest ? newest.timeMs : nowMs) - 1000;
    if (closeFloods) drafts.push(...this.#floods.close(Infinity));
    else if (newest === undefined || "timeMs" in newest) drafts.push(...this.#floods.close(closeBefore));
    const storeBefore = storeAll ? Infinity : nowMs - STORE_AFTER_MS;
    if (frames.length === 0 && drafts.length === 0 && !this.#open.hasToStore(storeBefore)) return null;
    // Copies: frames behind these go on adding to the calls, and a batch is not written when it is made.
    const stored = this.#open.takeStored(storeBefore).map((call) => ({ ...call }));
    const place = {
      node: this.#node,
      start: this.#open.earliest() ?? end,
      done: end,
      floods: this.#floods.state(),
    };
    return { drafts, stored, ended: this.#open.takeEnded(), place };
  }

  #feed(frame: SpoolFrame, nowMs: number, drafts: EntryDraft[]): void {
    const { record } = frame;
    switch (record.t) {
      case "intent":
        return this.#open.intent(frame, record, nowMs);
      case "extend":
        return this.#open.extend(frame, record);
      case "outcome": {
        const ended = this.#open.outcome(record);
        if (ended) drafts.push(draftOfCall(ended));
        else if (!this.#open.applied(frame))
          this.#trouble(`an outcome of decision ${record.decision} has no open intent; it was not recorded`);
        return;
      }
      case "usage": {
        const held = record.ends ? this.#open.end(record.decision) : null;
        if (!this.#open.applied(frame)) drafts.push(draftOfUsage(record, held));
        return;
      }
      case "swept":
        if (!this.#open.applied(frame)) drafts.push(draftOfSwept(record));
        return;
      case "blocked":
        if (!this.#open.applied(frame) && this.#floods.admit(frame, record, drafts))
          drafts.push(draftOfBlocked(record));
        return;
      case "admin":
        if (!this.#open.applied(frame)) drafts.push(draftOfAdmin(record));
        return;
      case "erasure":
        if (!this.#open.applied(frame)) drafts.push(draftOfErasure(record));
        return;
      case "rotation":
        if (!this.#open.applied(frame)) drafts.push(draftOfRotation(record));
        return;
      default:
        throw new Error(`unknown spool record ${JSON.stringify((record as { t: unknown }).t)}`, {
          cause: record satisfies never,
        });
    }
  }
}
