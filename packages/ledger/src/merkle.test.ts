import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Hash } from "./chain.ts";
import { CompactTree, emptyRoot, foldSubtrees, leafHash, nodeHash, subtreesOf, type TreeNode } from "./merkle.ts";
import {
  consistencyRanges,
  inclusionRanges,
  verifyConsistency,
  verifyInclusion,
  type ConsistencyClaim,
  type InclusionClaim,
} from "./merkle-proof.ts";
import type { LeafRange } from "./merkle.ts";

const COUNT = Number(
  process.env["TOLLHOUSE_RANDOM_COUNT"] ?? (process.env["TOLLHOUSE_LONG"] === "1" ? 100_000 : 1_500),
);
const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** RFC 6962 2.1 word for word, and nothing of ours: the tree over hashed leaves. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(Buffer.alloc(0));
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return sha256(Buffer.concat([Buffer.of(1), definition(leaves.slice(0, k)), definition(leaves.slice(k))]));
}

const entries = Array.from({ length: 300 }, (_, i) => sha256(Buffer.from(`entry ${i}`)));
const leaves = entries.map((entry) => sha256(Buffer.concat([Buffer.of(0), entry])));
const rootOf = (size: number): Uint8Array => definition(leaves.slice(0, size));
const hashOf = (range: LeafRange): Uint8Array => {
  const nodes = subtreesOf(range);
  return foldSubtrees(
    sha256,
    nodes.map(({ level, index }) => definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))),
  );
};
const inclusion = (index: number, size: number): InclusionClaim => ({
  leaf: leaves[index] as Uint8Array,
  index,
  size,
  root: rootOf(size),
  proof: inclusionRanges(index, size).map(hashOf),
});
const consistency = (from: number, to: number): ConsistencyClaim => ({
  from,
  to,
  fromRoot: rootOf(from),
  toRoot: rootOf(to),
  proof: consistencyRanges(from, to).map(hashOf),
});

/** Leaves and roots that Certificate Transparency's own tests have known since 2012, over data of any length. */
const KNOWN_LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const KNOWN_ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

test("the known trees of Certificate Transparency come out, and the empty one", () => {
  expect(hex(emptyRoot(sha256))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const hashed = KNOWN_LEAVES.map((leaf) => sha256(Buffer.concat([Buffer.of(0), Buffer.from(leaf, "hex")])));
  KNOWN_ROOTS.forEach((root, i) => {
    const subtrees = subtreesOf({ from: 0, to: i + 1 });
    const hashes = subtrees.map(({ level, index }) => {
      const own = hashed.slice(index * 2 ** level, (index + 1) * 2 ** level);
      return level === 0 ? (own[0] as Uint8Array) : foldPairs(own);
    });
    expect(hex(foldSubtrees(sha256, hashes))).toBe(root);
  });
});

function foldPairs(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, i) =>
      nodeHash(sha256, level[2 * i] as Uint8Array, level[2 * i + 1] as Uint8Array),
    );
  return level[0] as Uint8Array;
}

test("every root up to 300 leaves is that of the definition, and every whole subtree is told once", () => {
  const told = new Map<string, string>();
  const tree = new CompactTree(sha256, ({ level, index }: TreeNode, hash) => told.set(`${level}/${index}`, hex(hash)));
  expect(hex(tree.root())).toBe(hex(rootOf(0)));
  entries.forEach((entry, i) => {
    tree.push(entry);
    expect(tree.size).toBe(i + 1);
    expect(hex(tree.root())).toBe(hex(rootOf(i + 1)));
  });
  expect(told.size).toBe(300 + 150 + 75 + 37 + 18 + 9 + 4 + 2 + 1);
  for (const [name, hash] of told) {
    const [level, index] = name.split("/").map(Number) as [number, number];
    expect(hash).toBe(hex(definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))));
  }
});

test("a hash that writes where it is told gives the same roots, and what was told of a subtree stays as it was", () => {
  const written: Hash = (bytes, into = new Uint8Array(32)) => {
    into.set(sha256(bytes));
    return into;
  };
  const told: { readonly hash: Uint8Array; readonly at: string }[] = [];
  const tree = new CompactTree(written, (_, hash) => told.push({ hash, at: hex(hash) }));
  for (const [i, entry] of entries.entries()) {
    tree.push(entry);
    expect(hex(tree.root())).toBe(hex(rootOf(i + 1)));
  }
  expect(told.map(({ hash }) => hex(hash))).toEqual(told.map(({ at }) => at));
});

test("a tree goes on from its edge as if it had never stopped", () => {
  for (const size of [0, 1, 2, 3, 127, 128, 129, 255, 256, 257]) {
    const edge = subtreesOf({ from: 0, to: size }).map(({ level, index }) =>
      definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
    );
    const tree = new CompactTree(sha256, undefined, size, edge);
    for (const entry of entries.slice(size)) tree.push(entry);
    expect(hex(tree.root())).toBe(hex(rootOf(300)));
  }
  expect(() => new CompactTree(sha256, undefined, 3, [])).toThrow(/edge/);
});

const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300];

test("every leaf of every tree around powers of two is proven, and nothing else passes for it", () => {
  for (const size of SIZES)
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((at) => at >= 0 && at < size))) {
      const claim = inclusion(index, size);
      expect(verifyInclusion(sha256, claim), `${index} of ${size}`).toBe(true);
      expect(verifyInclusion(sha256, { ...claim, index: index + 1 })).toBe(false);
      expect(verifyInclusion(sha256, { ...claim, proof: [...claim.proof, rootOf(1)] })).toBe(false);
      if (size > 1) expect(verifyInclusion(sha256, { ...claim, proof: claim.proof.slice(0, -1) })).toBe(false);
    }
  expect(() => inclusionRanges(4, 4)).toThrow(RangeError);
  expect(() => inclusionRanges(-1, 4)).toThrow(RangeError);
});

test("every pair of trees around powers of two is proven consistent, and a shrunken or changed one is not", () => {
  for (const to of SIZES)
    for (const from of [0, ...SIZES].filter((size) => size <= to)) {
      const claim = consistency(from, to);
      expect(verifyConsistency(sha256, claim), `${from} to ${to}`).toBe(true);
      expect(verifyConsistency(sha256, { ...claim, proof: [...claim.proof, rootOf(1)] })).toBe(false);
      expect(verifyConsistency(sha256, { ...claim, fromRoot: sha256(claim.fromRoot) })).toBe(false);
      if (from < to) {
        expect(verifyConsistency(sha256, { ...claim, from: to, to: from })).toBe(false);
        expect(verifyConsistency(sha256, { ...claim, proof: claim.proof.slice(1) }) && from > 0).toBe(false);
      }
    }
  expect(() => consistencyRanges(5, 4)).toThrow(RangeError);
});

test("sizes beyond 32 bits are counted exactly", () => {
  const size = 2 ** 40 + 3;
  expect(inclusionRanges(size - 1, size)).toEqual([
    { from: 2 ** 40, to: 2 ** 40 + 2 },
    { from: 0, to: 2 ** 40 },
  ]);
  expect(subtreesOf({ from: 0, to: size }).map(({ level }) => level)).toEqual([40, 1, 0]);
  expect(consistencyRanges(2 ** 40, size)).toEqual([{ from: 2 ** 40, to: size }]);
});

test(`of ${COUNT} mutated proofs not one is accepted`, { timeout: 180_000 + 10 * COUNT }, () => {
  const random = seeded(Number(process.env["TOLLHOUSE_SEED"] ?? 1));
  const accepted: string[] = [];
  for (let n = 0; n < COUNT; n++) {
    const size = 1 + random(300);
    if (n % 2 === 0) {
      const claim = inclusion(random(size), size);
      const [name, mutated] = mutateInclusion(claim, random);
      if (verifyInclusion(sha256, mutated)) accepted.push(`inclusion ${claim.index}/${size}: ${name}`);
    } else {
      const claim = consistency(1 + random(size), size);
      const [name, mutated] = mutateConsistency(claim, random);
      if (verifyConsistency(sha256, mutated)) accepted.push(`consistency ${claim.from}/${size}: ${name}`);
    }
  }
  expect(accepted).toEqual([]);
});

test("leaf and node are told apart: no node passes for a leaf", () => {
  const [a, b] = [entries[0] as Uint8Array, entries[1] as Uint8Array];
  expect(hex(leafHash(sha256, a))).not.toBe(hex(nodeHash(sha256, a, b)));
  expect(() => leafHash(sha256, new Uint8Array(64))).toThrow(/32 bytes/);
});

type Random = (below: number) => number;

function seeded(seed: number): Random {
  let counter = 0;
  return (below) => Buffer.from(sha256(Buffer.from(`${seed}/${counter++}`))).readUInt32BE(0) % below;
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const other = Uint8Array.from(bytes);
  const at = random(other.length);
  other[at] = (other[at] as number) ^ (1 << random(8));
  return other;
}

/** A list that is not the same one: a bit, a hash more, less, twice, swapped, too short, too long. */
function mutateProof(proof: readonly Uint8Array[], random: Random): readonly Uint8Array[] {
  const at = random(proof.length + 1);
  const own = proof[at];
  if (own === undefined) return proof.toSpliced(at, 0, random(2) === 0 ? new Uint8Array(32) : rootOf(1 + random(9)));
  const next = proof[at + 1];
  switch (random(5)) {
    case 0:
      return proof.toSpliced(at, 1);
    case 1:
      return proof.toSpliced(at, 0, own);
    case 2:
      return next === undefined ? proof.toSpliced(at, 1, own.subarray(1)) : proof.toSpliced(at, 2, next, own);
    case 3:
      return proof.toSpliced(at, 1, Uint8Array.of(...own, 0));
    default:
      return proof.toSpliced(at, 1, flipped(own, random));
  }
}

function mutateInclusion(claim: InclusionClaim, random: Random): readonly [string, InclusionClaim] {
  switch (random(5)) {
    case 0:
      return ["leaf", { ...claim, leaf: flipped(claim.leaf, random) }];
    case 1:
      return ["root", { ...claim, root: flipped(claim.root, random) }];
    case 2:
      return ["index", { ...claim, index: (claim.index + 1 + random(claim.size)) % (claim.size + 1) }];
    case 3:
      return ["length", { ...claim, size: otherSize(claim.proof.length, claim.index, random) }];
    default:
      return ["proof", { ...claim, proof: mutateProof(claim.proof, random) }];
  }
}

/** A size whose proof has another length: RFC 6962 does not bind the size itself, the signed checkpoint does. */
function otherSize(length: number, index: number, random: Random): number {
  for (;;) {
    const size = random(1000);
    if (size <= index || inclusionRanges(index, size).length !== length) return size;
  }
}

function mutateConsistency(claim: ConsistencyClaim, random: Random): readonly [string, ConsistencyClaim] {
  switch (random(3)) {
    case 0:
      return ["from root", { ...claim, fromRoot: flipped(claim.fromRoot, random) }];
    case 1:
      return ["to root", { ...claim, toRoot: flipped(claim.toRoot, random) }];
    default:
      return ["proof", { ...claim, proof: mutateProof(claim.proof, random) }];
  }
}
