import { HASH_BYTES, type Hash } from "../chain.ts";
import { CompactTree, foldSubtrees, subtreesOf } from "../merkle.ts";
import { Sha256Lanes, type Slots } from "./sha256-lanes.ts";

/** A tree of RFC 6962 that grows leaf by leaf. */
export interface GrowingTree {
  readonly size: number;
  push(entryHash: Uint8Array): void;
  root(): Uint8Array;
}

/** One that goes on behind `size` leaves, by lanes where there are any. `edge`: the hashes of their `subtreesOf`. */
export function growingTree(sha256: Hash, size = 0, edge: readonly Uint8Array[] = []): GrowingTree {
  const lanes = Sha256Lanes.open();
  return lanes === null ? new CompactTree(sha256, undefined, size, edge) : new LaneTree(lanes, sha256, size, edge);
}

const BATCH = 256;

/** Leaves wait until there are many; then the nodes of each level are made at once, from what they and the edge on their left have. */
export class LaneTree implements GrowingTree {
  readonly #lanes: Sha256Lanes;
  readonly #sha256: Hash;
  readonly #leaves: Slots;
  readonly #nodes: Slots;
  readonly #initial: number;
  /** Hashes of a level, with room in front of them for one on the left. */
  readonly #level: number;
  /** By level, the hash of the whole subtree that has no sibling yet. */
  readonly #edge: (Uint8Array | undefined)[] = [];
  #size: number;
  #waiting = 0;

  constructor(lanes: Sha256Lanes, sha256: Hash, size: number, edge: readonly Uint8Array[]) {
    const subtrees = subtreesOf({ from: 0, to: size });
    if (subtrees.length !== edge.length)
      throw new RangeError(`edge: expected one hash for each whole subtree of ${size} leaves, got ${edge.length}`);
    subtrees.forEach(({ level }, i) => (this.#edge[level] = Uint8Array.from(edge[i] as Uint8Array)));
    this.#lanes = lanes;
    this.#sha256 = sha256;
    this.#size = size;
    this.#leaves = lanes.slots(BATCH, Uint8Array.of(0), 1 + HASH_BYTES);
    this.#nodes = lanes.slots(BATCH / 2 + 1, Uint8Array.of(1), 1 + 2 * HASH_BYTES);
    this.#initial = lanes.state();
    this.#level = lanes.reserve((BATCH + 8) * HASH_BYTES) + HASH_BYTES;
  }

  get size(): number {
    return this.#size + this.#waiting;
  }

  push(entryHash: Uint8Array): void {
    if (entryHash.length !== HASH_BYTES) throw new RangeError(`entry hash: expected ${HASH_BYTES} bytes`);
    this.#lanes.bytes.set(entryHash, this.#leaves.at + this.#waiting * this.#leaves.stride + 1);
    this.#waiting += 1;
    if (this.#waiting === BATCH) this.#grow();
  }

  root(): Uint8Array {
    this.#grow();
    return foldSubtrees(this.#sha256, this.#edge.filter((hash) => hash !== undefined).toReversed());
  }

  #grow(): void {
    let [from, count] = [this.#size, this.#waiting];
    this.#size += count;
    this.#waiting = 0;
    this.#lanes.hash(this.#leaves, count, this.#initial, this.#level);
    for (let level = 0; count > 0; level++) {
      let at = this.#level;
      const left = this.#edge[level];
      if (from % 2 === 1 && left !== undefined) {
        at -= HASH_BYTES;
        this.#lanes.bytes.set(left, at);
        [from, count] = [from - 1, count + 1];
      }
      const pairs = count >> 1;
      const last = at + 2 * pairs * HASH_BYTES;
      this.#edge[level] = count % 2 === 1 ? this.#lanes.bytes.slice(last, last + HASH_BYTES) : undefined;
      this.#makeNodes(at, pairs);
      [from, count] = [from / 2, pairs];
    }
  }

  /** Of the pairs from there on, as the next level. */
  #makeNodes(from: number, pairs: number): void {
    const { at, stride } = this.#nodes;
    const { bytes } = this.#lanes;
    for (let i = 0; i < pairs; i++) {
      const pair = from + i * 2 * HASH_BYTES;
      bytes.copyWithin(at + i * stride + 1, pair, pair + 2 * HASH_BYTES);
    }
    this.#lanes.hash(this.#nodes, pairs, this.#initial, this.#level);
  }
}
