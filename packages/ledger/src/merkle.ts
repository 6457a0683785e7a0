import { HASH_BYTES, type Hash } from "./chain.ts";

/** The tree of RFC 6962 over the entry hashes of one chain: leaf `i` is the entry at sequence `i + 1`. */

const LEAF_SCRATCH = new Uint8Array(1 + HASH_BYTES);
const NODE_SCRATCH = new Uint8Array(1 + 2 * HASH_BYTES);
NODE_SCRATCH[0] = 1;

/** SHA-256(0x00 | entry hash). */
export function leafHash(sha256: Hash, entryHash: Uint8Array, into?: Uint8Array): Uint8Array {
  LEAF_SCRATCH.set(hashOf("entry hash", entryHash), 1);
  return sha256(LEAF_SCRATCH, into);
}

/** SHA-256(0x01 | left | right). */
export function nodeHash(sha256: Hash, left: Uint8Array, right: Uint8Array, into?: Uint8Array): Uint8Array {
  NODE_SCRATCH.set(hashOf("left", left), 1);
  NODE_SCRATCH.set(hashOf("right", right), 1 + HASH_BYTES);
  return sha256(NODE_SCRATCH, into);
}

/** The root of a tree without leaves. */
export function emptyRoot(sha256: Hash): Uint8Array {
  return sha256(new Uint8Array());
}

/**
 * Leaves of a whole subtree, from its first to its last: at `level` it has 2^level leaves, and it is the `index`-th of its level. The
 * hash of one never changes again, whatever is appended.
 */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/** Half-open, in leaves. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The fewest whole subtrees that make up a range, from left to right. The range must be one that a tree of RFC 6962 has (those of a
 * proof, or from 0): then folding their hashes from the right gives its hash.
 */
export function subtreesOf({ from, to }: LeafRange): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let at = from; at < to;) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= to) level++;
    nodes.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

/** The hash of a range from the hashes of its `subtreesOf`. */
export function foldSubtrees(sha256: Hash, hashes: readonly Uint8Array[]): Uint8Array {
  const right = hashes.at(-1);
  if (right === undefined) return emptyRoot(sha256);
  return hashes.slice(0, -1).reduceRight((folded, left) => nodeHash(sha256, left, folded), right);
}

/**
 * Appends leaves in O(log n) memory: only the roots of the whole subtrees on the left edge of what comes next are kept. Told of
 * each subtree that becomes whole.
 */
export class CompactTree {
  readonly #sha256: Hash;
  readonly #whole: ((node: TreeNode, hash: Uint8Array) => void) | undefined;
  /** Written over as subtrees become whole: nobody else is given one of these arrays. */
  readonly #edge: Uint8Array[];
  #edgeLength: number;
  #size: number;

  /** `size` and `edge`: the hashes of `subtreesOf({from: 0, to: size})`, to go on where another one stopped. */
  constructor(
    sha256: Hash,
    whole?: (node: TreeNode, hash: Uint8Array) => void,
    size = 0,
    edge: readonly Uint8Array[] = [],
  ) {
    if (subtreesOf({ from: 0, to: size }).length !== edge.length)
      throw new RangeError(`edge: expected one hash for each whole subtree of ${size} leaves, got ${edge.length}`);
    this.#sha256 = sha256;
    this.#whole = whole;
    this.#size = size;
    this.#edge = edge.map((hash) => Uint8Array.from(hash));
    this.#edgeLength = edge.length;
  }

  get size(): number {
    return this.#size;
  }

  push(entryHash: Uint8Array): void {
    // A place for the leaf behind the edge; subtrees that become whole are folded into the place on their left.
    const at = this.#edgeLength++;
    this.#put(at, leafHash(this.#sha256, entryHash, (this.#edge[at] ??= new Uint8Array(HASH_BYTES))));
    let index = this.#size;
    this.#whole?.({ level: 0, index }, Uint8Array.from(this.#edgeAt(at)));
    for (let level = 1; index % 2 === 1; level++) {
      index = (index - 1) / 2;
      this.#edgeLength -= 1;
      const left = this.#edgeLength - 1;
      this.#put(left, nodeHash(this.#sha256, this.#edgeAt(left), this.#edgeAt(left + 1), this.#edgeAt(left)));
      this.#whole?.({ level, index }, Uint8Array.from(this.#edgeAt(left)));
    }
    this.#size += 1;
  }

  root(): Uint8Array {
    return foldSubtrees(this.#sha256, this.#edge.slice(0, this.#edgeLength));
  }

  #edgeAt(place: number): Uint8Array {
    return this.#edge[place] as Uint8Array;
  }

  /** A hash that was made elsewhere is taken over: it is its maker's answer and nobody else's. */
  #put(place: number, hash: Uint8Array): void {
    this.#edge[place] = hash;
  }
}

function hashOf(field: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== HASH_BYTES) throw new RangeError(`${field}: expected ${HASH_BYTES} bytes, got ${bytes.length}`);
  return bytes;
}
