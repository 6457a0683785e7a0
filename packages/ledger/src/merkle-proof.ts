import { equalBytes } from "./bytes.ts";
import { HASH_BYTES, type Hash } from "./chain.ts";
import { emptyRoot, type LeafRange, nodeHash } from "./merkle.ts";

/**
 * Ranges whose hashes are the inclusion proof of leaf `index` in a tree of `size` leaves, from the leaf's sibling up (RFC 6962,
 * 2.1.1). Throws RangeError where there is no such leaf.
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (!isSize(size) || !isSize(index) || index >= size)
    throw new RangeError(`index: expected a leaf of a tree of ${size}, got ${index}`);
  const ranges: LeafRange[] = [];
  for (let from = 0, to = size; to - from > 1;) {
    const split = from + splitOf(to - from);
    if (index < split) {
      ranges.push({ from: split, to });
      to = split;
    } else {
      ranges.push({ from, to: split });
      from = split;
    }
  }
  return ranges.toReversed();
}

/**
 * Ranges whose hashes prove that a tree of `to` leaves begins with that of `from` leaves (RFC 6962, 2.1.2). None where `from` is 0 or
 * both are equal: there is nothing to prove. Throws RangeError where the tree would shrink.
 */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  if (!isSize(from) || !isSize(to) || from > to)
    throw new RangeError(`from: expected a size of at most ${to}, got ${from}`);
  if (from === 0 || from === to) return [];
  const ranges: LeafRange[] = [];
  let [left, right, isWholeTree] = [0, to, true];
  while (right !== from) {
    const split = left + splitOf(right - left);
    if (from <= split) {
      ranges.push({ from: split, to: right });
      right = split;
    } else {
      ranges.push({ from: left, to: split });
      left = split;
      isWholeTree = false;
    }
  }
  // The verifier has the hash of the older tree itself.
  if (!isWholeTree) ranges.push({ from: left, to: right });
  return ranges.toReversed();
}

export interface InclusionClaim {
  /** `leafHash(entry hash)`. */
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Is this leaf at this place of the tree with this root? Exactly one proof is right: none shorter, none longer (RFC 9162, 2.1.3.2). */
export function verifyInclusion(sha256: Hash, { leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sha256, sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, half(sn)];
    } else hash = nodeHash(sha256, hash, sibling);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equalBytes(hash, root);
}

export interface ConsistencyClaim {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Does the tree of `to` leaves begin with that of `from` leaves? Exactly one proof is right (RFC 9162, 2.1.4.2). */
export function verifyConsistency(sha256: Hash, claim: ConsistencyClaim): boolean {
  const { from, to, fromRoot, toRoot, proof } = claim;
  if (!isSize(from) || !isSize(to) || from > to || !areHashes([fromRoot, toRoot, ...proof])) return false;
  if (from === to) return proof.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && equalBytes(fromRoot, emptyRoot(sha256));
  const [first, ...rest] = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof;
  if (first === undefined) return false;
  let [fn, sn] = [from - 1, to - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [older, newer] = [first, first];
  for (const hash of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      older = nodeHash(sha256, hash, older);
      newer = nodeHash(sha256, hash, newer);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, half(sn)];
    } else newer = nodeHash(sha256, newer, hash);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equalBytes(older, fromRoot) && equalBytes(newer, toRoot);
}

/** The largest power of two below `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** Bit operators would cut a size at 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(size: number): boolean {
  return 2 ** Math.round(Math.log2(size)) === size;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}
