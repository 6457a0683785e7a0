import { equalBytes, growingTree, LedgerFormatError } from "@tollhouse/ledger";
import type { Checkpoint, GrowingTree, NoteKey } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { openWithAny } from "./checkpoint-signer.ts";
import { checkpointsFrom } from "./checkpoint-store.ts";
import type { StoredCheckpoint } from "./checkpoint-store.ts";
import { sha256 } from "./ledger-keys.ts";
import { edgeOf, TreeIncomplete } from "./merkle-reader.ts";

/** What is wrong with a checkpoint, and the first sequence that may not be the genuine one. */
export interface BadCheckpoint {
  readonly sequence: bigint;
  readonly problem: string;
}

export interface CheckpointWalk {
  readonly tenant: string;
  readonly keys: readonly [NoteKey, ...NoteKey[]];
  /** First and last sequence that are walked. */
  readonly from: number;
  readonly to: number;
  /** A checkpoint that somebody kept, already opened; null = none. */
  readonly pin: Checkpoint | null;
}

const PAGE = 1000;

/**
 * Grows the tree of a chain while it is walked, and holds each checkpoint of the range against it: the one that was signed, not what
 * the table says beside it.
 */
export class CheckpointVerifier {
  readonly #db: Queryable;
  readonly #walk: CheckpointWalk;
  readonly #tree: GrowingTree;
  #page: StoredCheckpoint[] = [];
  #readTo: number;
  #isRead = false;
  /** Entries up to here are those of a checkpoint that was signed. */
  #agreed: number;
  #checked = 0;
  #pinAgreed = false;

  private constructor(db: Queryable, walk: CheckpointWalk, edge: readonly Uint8Array[]) {
    this.#db = db;
    this.#walk = walk;
    this.#tree = growingTree(sha256, walk.from - 1, edge);
    this.#agreed = walk.from - 1;
    this.#readTo = walk.from - 1;
  }

  /** A range that begins later goes on from the stored tree of what lies before it. */
  static async begin(db: Queryable, walk: CheckpointWalk): Promise<CheckpointVerifier | BadCheckpoint> {
    try {
      return new CheckpointVerifier(db, walk, await edgeOf(db, walk.tenant, walk.from - 1));
    } catch (error) {
      if (!(error instanceof TreeIncomplete)) throw error;
      return { sequence: BigInt(walk.from - 1), problem: `before the range: ${error.message}` };
    }
  }

  /** Checkpoints that agreed. */
  get checked(): number {
    return this.#checked;
  }

  /** Did the pinned one agree, or one of the same size and root? */
  get pinAgreed(): boolean {
    return this.#pinAgreed;
  }

  /** To be called before entries up to `sequence` are pushed. */
  async read(sequence: number): Promise<void> {
    while (!this.#isRead && this.#readTo < sequence) {
      const { tenant, to } = this.#walk;
      const rows = await checkpointsFrom(this.#db, tenant, { from: this.#readTo + 1, to, rowsMax: PAGE });
      this.#page.push(...rows);
      this.#readTo = rows.at(-1)?.size ?? to;
      this.#isRead = rows.length < PAGE;
    }
  }

  /** The next entry of the chain. Null = nothing is wrong so far. */
  push(entryHash: Uint8Array): BadCheckpoint | null {
    this.#tree.push(entryHash);
    const { size } = this.#tree;
    const { pin } = this.#walk;
    const stored = this.#page[0]?.size === size ? this.#page.shift() : undefined;
    if (stored === undefined && pin?.size !== size) return null;
    const root = this.#tree.root();
    if (stored !== undefined) {
      const problem = this.#problemOf(stored, root);
      if (problem !== null) return this.#bad(problem);
      this.#checked += 1;
    }
    if (pin?.size === size) {
      if (!equalBytes(pin.root, root))
        return this.#bad(`the entries up to ${size} are not those of the pinned checkpoint`);
      this.#pinAgreed = true;
    }
    this.#agreed = size;
    return null;
  }

  #problemOf(stored: StoredCheckpoint, root: Uint8Array): string | null {
    try {
      const { size, root: signedRoot } = openWithAny(stored.note, this.#walk.keys);
      if (size !== stored.size || !equalBytes(signedRoot, stored.root))
        return `the checkpoint of ${stored.size} is not what its signed note says`;
      return equalBytes(signedRoot, root) ? null : `the entries up to ${size} are not those of its checkpoint`;
    } catch (error) {
      if (!(error instanceof LedgerFormatError)) throw error;
      return `the checkpoint of ${stored.size} is not one that was signed here (${error.message})`;
    }
  }

  /** Which entry it is lies between the last checkpoint that agrees and this one: the first of them is named. */
  #bad(problem: string): BadCheckpoint {
    return { sequence: BigInt(this.#agreed + 1), problem };
  }
}
