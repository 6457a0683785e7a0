import { foldSubtrees, leafHash, nodeHash, subtreesOf } from "@tollhouse/ledger";
import type { LeafRange, TreeNode } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { sha256 } from "./ledger-keys.ts";

/** Subtrees of 2^8, 2^16, … leaves are stored; those between are hashed from the next stored ones below. */
export const STORED_LEVELS = 8;

/** Entries or subtrees that a tree needs are not in the database: the chain was cut or thinned. */
export class TreeIncomplete extends Error {
  override readonly name = "TreeIncomplete";
}

/** Hashes of these ranges of a tenant's tree, in their order. Two statements, whatever the size of the tree. */
export async function hashesOfRanges(
  db: Queryable,
  tenant: string,
  ranges: readonly LeafRange[],
): Promise<Uint8Array[]> {
  const parts = ranges.map(subtreesOf);
  const stored = await readStored(db, tenant, parts.flat());
  return parts.map((nodes) =>
    foldSubtrees(
      sha256,
      nodes.map((node) => hashOfNode(node, stored)),
    ),
  );
}

/** What a CompactTree of `size` leaves goes on from. */
export async function edgeOf(db: Queryable, tenant: string, size: number): Promise<Uint8Array[]> {
  const nodes = subtreesOf({ from: 0, to: size });
  const stored = await readStored(db, tenant, nodes);
  return nodes.map((node) => hashOfNode(node, stored));
}

async function readStored(db: Queryable, tenant: string, nodes: readonly TreeNode[]): Promise<Map<string, Uint8Array>> {
  const wanted = nodes.flatMap(storedBelow);
  const leaves = wanted.filter(({ level }) => level === 0);
  const subtrees = wanted.filter(({ level }) => level > 0);
  const found = new Map<string, Uint8Array>();
  if (leaves.length > 0) {
    const { rows } = await db.query<{ sequence: bigint; entry_hash: Buffer }>(sql("entry-hashes"), [
      tenant,
      leaves.map(({ index }) => index + 1),
    ]);
    for (const row of rows)
      found.set(nameOf({ level: 0, index: Number(row.sequence) - 1 }), leafHash(sha256, row.entry_hash));
  }
  if (subtrees.length > 0) {
    const { rows } = await db.query<{ level: number; index: bigint; hash: Buffer }>(sql("subtrees"), [
      tenant,
      subtrees.map(({ level }) => level),
      subtrees.map(({ index }) => index),
    ]);
    for (const row of rows) found.set(nameOf({ level: row.level, index: Number(row.index) }), row.hash);
  }
  return found;
}

/** The stored nodes that a node is hashed from: itself, or up to 128. */
function storedBelow({ level, index }: TreeNode): TreeNode[] {
  const below = level % STORED_LEVELS;
  return Array.from({ length: 2 ** below }, (_, i) => ({ level: level - below, index: index * 2 ** below + i }));
}

function hashOfNode(node: TreeNode, stored: ReadonlyMap<string, Uint8Array>): Uint8Array {
  let hashes = storedBelow(node).map((below) => {
    const hash = stored.get(nameOf(below));
    if (hash === undefined)
      throw new TreeIncomplete(
        `the ledger does not have what its tree is made of: level ${below.level}, index ${below.index}`,
      );
    return hash;
  });
  while (hashes.length > 1)
    hashes = Array.from({ length: hashes.length / 2 }, (_, i) =>
      nodeHash(sha256, hashes[2 * i] as Uint8Array, hashes[2 * i + 1] as Uint8Array),
    );
  return hashes[0] as Uint8Array;
}

function nameOf({ level, index }: TreeNode): string {
  return `${level}/${index}`;
}
