import { checkpointNote, checkpointText, CompactTree, equalBytes, originOf } from "@tollhouse/ledger";
import type { Checkpoint, NoteKey } from "@tollhouse/ledger";
import type { Database, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { openWithAny } from "./checkpoint-signer.ts";
import type { Chain, CheckpointSigner } from "./checkpoint-signer.ts";
import { chainGrowths, latestCheckpoint } from "./checkpoint-store.ts";
import type { StoredCheckpoint } from "./checkpoint-store.ts";
import { sha256 } from "./ledger-keys.ts";
import { edgeOf, STORED_LEVELS } from "./merkle-reader.ts";
import { loadDeploymentId } from "./recorder-state.ts";

export interface CheckpointParts {
  readonly db: Database;
  readonly signer: CheckpointSigner;
  /** 32 hex digits. */
  readonly tenant: string;
  readonly nowMs: number;
}

/** The chain is not the one that the last checkpoint was signed for. Nothing is signed over it: that would bear false witness. */
export class LedgerInconsistent extends Error {
  override readonly name = "LedgerInconsistent";
}

interface Subtree {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

const PAGE = 4096;
/** Leaves under the lowest stored subtree. */
const GROUP = 2 ** STORED_LEVELS;

/**
 * Signs the head of a tenant's chain as it is now, and stores it; the last one again where nothing is new; null where the chain has not
 * begun. Reads only what came since the last one. Throws LedgerInconsistent, and whatever the signer throws.
 */
export async function makeCheckpoint({ db, signer, tenant, nowMs }: CheckpointParts): Promise<StoredCheckpoint | null> {
  const chain: Chain = { tenant, origin: originOf(await loadDeploymentId(db), tenant) };
  const last = await latestCheckpoint(db, tenant);
  const size = (await chainGrowths(db, [tenant]))[0]?.size ?? 0;
  const earlier = last && signedEarlier(last, signer.keys(chain));
  if (earlier !== null && size < earlier.size)
    throw new LedgerInconsistent(`the ledger ends at ${size}, and its last checkpoint covers ${earlier.size}`);
  if (size === (last?.size ?? 0)) return last;
  const { root, subtrees } = await growTree(db, tenant, earlier, size);
  const note = await signed(signer, chain, { origin: chain.origin, size, root });
  await store(db, tenant, { size, root, note, madeMs: nowMs }, subtrees);
  return latestCheckpoint(db, tenant);
}

/** What was signed, and not what stands beside it in the table. */
function signedEarlier(last: StoredCheckpoint, keys: readonly [NoteKey, ...NoteKey[]]): Checkpoint {
  try {
    return openWithAny(last.note, keys);
  } catch (cause) {
    throw new LedgerInconsistent(`the last checkpoint, of ${last.size} entries, is not one that was signed here`, {
      cause,
    });
  }
}

async function growTree(
  db: Queryable,
  tenant: string,
  earlier: Checkpoint | null,
  size: number,
): Promise<{ readonly root: Uint8Array; readonly subtrees: readonly Subtree[] }> {
  const start = Math.floor((earlier?.size ?? 0) / GROUP) * GROUP;
  const subtrees: Subtree[] = [];
  const tree = new CompactTree(
    sha256,
    ({ level, index }, hash) => {
      if (level > 0 && level % STORED_LEVELS === 0) subtrees.push({ level, index, hash });
    },
    start,
    await edgeOf(db, tenant, start),
  );
  const compare = (): void => {
    if (earlier !== null && tree.size === earlier.size && !equalBytes(tree.root(), earlier.root))
      throw new LedgerInconsistent(`the entries up to ${earlier.size} are not those that a checkpoint was signed for`);
  };
  compare();
  while (tree.size < size) {
    const { rows } = await db.query<{ sequence: bigint; entry_hash: Buffer }>(sql("entry-hashes-after"), [
      tenant,
      tree.size,
      size,
      PAGE,
    ]);
    if (rows.length === 0) throw new LedgerInconsistent(`the entry at ${tree.size + 1} is missing`);
    for (const row of rows) {
      if (row.sequence !== BigInt(tree.size + 1))
        throw new LedgerInconsistent(`the entry at ${tree.size + 1} is missing`);
      tree.push(row.entry_hash);
      compare();
    }
  }
  return { root: tree.root(), subtrees };
}

async function signed(signer: CheckpointSigner, chain: Chain, checkpoint: Checkpoint): Promise<string> {
  const [key] = signer.keys(chain);
  const signature = await signer.sign(chain, Buffer.from(checkpointText(checkpoint)));
  const note = checkpointNote(sha256, checkpoint, key, signature);
  // A signer that holds another key than it names would otherwise publish what nobody can verify.
  openWithAny(note, [key]);
  return note;
}

async function store(
  db: Database,
  tenant: string,
  made: Omit<StoredCheckpoint, "firstOfMonth">,
  subtrees: readonly Subtree[],
): Promise<void> {
  await db.transaction(async (tx) => {
    if (subtrees.length > 0)
      await tx.query(sql("insert-subtrees"), [
        tenant,
        subtrees.map(({ level }) => level),
        subtrees.map(({ index }) => index),
        subtrees.map(({ hash }) => hash),
      ]);
    await tx.query(sql("insert-checkpoint"), [tenant, made.size, made.root, made.note, new Date(made.madeMs)]);
  });
}
