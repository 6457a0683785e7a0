import { consistencyRanges, inclusionRanges } from "@tollhouse/ledger";
import { hex, treeHash } from "./sample-ledger.ts";

export function inclusionCases(): unknown[] {
  const of = (index: number, size: number): string[] =>
    inclusionRanges(index, size).map(({ from, to }) => hex(treeHash(from, to)));
  const claim = (name: string, accepted: boolean, index: number, size: number, over: object = {}): object => ({
    name,
    leaf: hex(treeHash(index, index + 1)),
    index,
    size,
    root: hex(treeHash(0, size)),
    proof: of(index, size),
    accepted,
    ...over,
  });
  const good = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 21].flatMap((size) =>
    [...new Set([0, size >> 1, size - 1])].map((index) => claim(`${index} of ${size}`, true, index, size)),
  );
  const proof = of(6, 11);
  const node = hex(treeHash(0, 2));
  return [
    ...good,
    claim("another index", false, 6, 11, { index: 7 }),
    claim("an index behind the tree", false, 6, 11, { index: 11 }),
    claim("a hash fewer", false, 6, 11, { proof: proof.slice(0, -1) }),
    claim("a hash more", false, 6, 11, { proof: [...proof, proof[0]] }),
    claim("a hash more in a tree of one", false, 0, 1, { proof: [node] }),
    claim("hashes in another order", false, 6, 11, { proof: proof.toReversed() }),
    claim("a hash of 31 bytes", false, 6, 11, { proof: proof.map((hash, i) => (i === 0 ? hash.slice(2) : hash)) }),
    claim("another root", false, 6, 11, { root: hex(treeHash(0, 10)) }),
    claim("a node in the place of a leaf", false, 0, 2, {
      leaf: node,
      size: 4,
      proof: of(0, 4).slice(1),
      root: hex(treeHash(0, 4)),
    }),
    claim("an empty tree", false, 0, 1, { size: 0 }),
  ];
}

export function consistencyCases(): unknown[] {
  const of = (from: number, to: number): string[] =>
    consistencyRanges(from, to).map((range) => hex(treeHash(range.from, range.to)));
  const claim = (name: string, accepted: boolean, from: number, to: number, over: object = {}): object => ({
    name,
    from,
    from_root: hex(treeHash(0, from)),
    to,
    to_root: hex(treeHash(0, to)),
    proof: from <= to ? of(from, to) : of(to, from),
    accepted,
    ...over,
  });
  const sizes = [0, 1, 2, 3, 4, 6, 7, 8, 9, 16, 17, 21];
  const good = sizes.flatMap((to) =>
    sizes.filter((from) => from <= to).map((from) => claim(`${from} to ${to}`, true, from, to)),
  );
  return [
    ...good,
    claim("a tree that shrinks", false, 8, 4),
    claim("no proof", false, 6, 9, { proof: [] }),
    claim("no proof from a power of two", false, 4, 9, { proof: [] }),
    claim("a hash fewer", false, 6, 9, { proof: of(6, 9).slice(0, -1) }),
    claim("a hash more", false, 6, 9, { proof: [...of(6, 9), hex(treeHash(0, 1))] }),
    claim("a proof of the same tree", false, 6, 6, { proof: of(5, 6) }),
    claim("two roots of one size", false, 6, 6, { to_root: hex(treeHash(0, 7)) }),
    claim("another older root", false, 6, 9, { from_root: hex(treeHash(0, 5)) }),
    claim("another newer root", false, 6, 9, { to_root: hex(treeHash(0, 8)) }),
    claim("an empty tree with a root", false, 0, 9, { from_root: hex(treeHash(0, 1)) }),
    claim("an empty tree with a proof", false, 0, 9, { proof: of(4, 9) }),
  ];
}
