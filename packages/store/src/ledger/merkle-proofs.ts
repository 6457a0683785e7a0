import { consistencyRanges, inclusionRanges, leafHash, verifyConsistency, verifyInclusion } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { sha256 } from "./ledger-keys.ts";
import { hashesOfRanges, TreeIncomplete } from "./merkle-reader.ts";

/** An entry, and the path from it to the root of a checkpoint that covers it. */
export interface EntryProof {
  /** From 1. */
  readonly sequence: number;
  /** Of the entry before; of the first one the genesis hash, which the caller knows. */
  readonly previousHash: Uint8Array | null;
  readonly body: Uint8Array;
  readonly entryHash: Uint8Array;
  readonly mac: Uint8Array;
  readonly hashes: readonly Uint8Array[];
}

interface ProvenRow {
  readonly sequence: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly mac: Buffer;
  readonly previous_hash: Buffer | null;
}

export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/**
 * Proof that the entry of this sequence is under this head. Checked before it is handed out: a proof that nobody can verify says that
 * the ledger was changed, and then throws TreeIncomplete.
 */
export async function proveEntry(db: Queryable, tenant: string, sequence: bigint, head: TreeHead): Promise<EntryProof> {
  const [row] = (await db.query<ProvenRow>(sql("entry-to-prove"), [tenant, sequence])).rows;
  if (row === undefined) throw new TreeIncomplete(`the entry at ${sequence} is missing`);
  const index = Number(sequence) - 1;
  const hashes = await hashesOfRanges(db, tenant, inclusionRanges(index, head.size));
  const leaf = leafHash(sha256, row.entry_hash);
  if (!verifyInclusion(sha256, { leaf, index, proof: hashes, ...head }))
    throw new TreeIncomplete(`the entry at ${sequence} is not the one that the checkpoint of ${head.size} covers`);
  return {
    sequence: Number(sequence),
    previousHash: row.previous_hash,
    body: row.body,
    entryHash: row.entry_hash,
    mac: row.mac,
    hashes,
  };
}

/** Proof that the tree of `head` begins with that of `from` entries. `from`: 1 to the head's size. Throws TreeIncomplete. */
export async function proveConsistency(
  db: Queryable,
  tenant: string,
  from: number,
  head: TreeHead,
): Promise<{ readonly fromRoot: Uint8Array; readonly hashes: readonly Uint8Array[] }> {
  const [fromRoot, ...hashes] = await hashesOfRanges(db, tenant, [
    { from: 0, to: from },
    ...consistencyRanges(from, head.size),
  ]);
  const claim = { from, to: head.size, fromRoot: fromRoot as Uint8Array, toRoot: head.root, proof: hashes };
  if (!verifyConsistency(sha256, claim))
    throw new TreeIncomplete(`the entries are not those that the checkpoint of ${head.size} covers`);
  return { fromRoot: claim.fromRoot, hashes };
}
