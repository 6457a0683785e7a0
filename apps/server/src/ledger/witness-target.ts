import { formatNote, parseNote, verifierKey } from "@tollhouse/ledger";
import {
  cosignedSize,
  insertCosignature,
  latestCheckpoint,
  proveConsistency,
  sha256,
  type Database,
} from "@tollhouse/store";
import { askWitness, WitnessDisagrees, type Witness, type WitnessRequest } from "./ask-witness.ts";
import type { PublishedCheckpoint, PublishTarget } from "./checkpoint-publisher.ts";

export interface WitnessParts {
  readonly dbOf: (tenant: string) => Database;
  readonly now: () => number;
}

/** The first answer may say where it is; a later one that another process asked it meanwhile. */
const ROUNDS_MAX = 4;

/** A witness as a place that checkpoints go to: what it signs beside them is stored, and is in the notes from then on. */
export function witnessTarget(witness: Witness, { dbOf, now }: WitnessParts): PublishTarget {
  const word = verifierKey(sha256, witness.key);
  return {
    name: `witness ${witness.key.name}`,
    async publish(checkpoint, signal) {
      const { tenant, size } = checkpoint;
      const db = dbOf(tenant);
      let oldSize = await cosignedSize(db, tenant, word);
      if (oldSize >= size) return;
      for (let round = 0; round < ROUNDS_MAX && oldSize <= size; round++) {
        // Of the same size again: it signed this one, and its answer was lost.
        const answer = await askWitness(witness, await requestOf(db, checkpoint, oldSize), signal);
        if (answer.is === "cosigned")
          return insertCosignature(db, { tenant, size, witness: word, line: answer.line, cosignedMs: now() });
        oldSize = answer.size;
      }
      if (oldSize <= size) throw new Error("it answered again and again that it saw another size last");
      // Of a newer one that another process asked for; or of one that this ledger does not have.
      const newest = (await latestCheckpoint(db, tenant))?.size ?? 0;
      if (oldSize > newest)
        throw new WitnessDisagrees(
          `it saw ${oldSize} entries, and the ledger has signed ${newest}: entries were cut off`,
        );
    },
  };
}

/** Its proof from what the witness saw last; nothing proves anything from the empty tree. */
async function requestOf(
  db: Database,
  { tenant, size, root, note }: PublishedCheckpoint,
  oldSize: number,
): Promise<WitnessRequest> {
  const proof = oldSize === 0 ? [] : (await proveConsistency(db, tenant, oldSize, { size, root })).hashes;
  return { oldSize, proof, note: signedByLedger(note) };
}

/** Without cosignatures: what others signed is nothing to a witness. */
function signedByLedger(note: string): string {
  const { text, signatures } = parseNote(note);
  const origin = text.slice(0, text.indexOf("\n"));
  return formatNote({ text, signatures: signatures.filter(({ name }) => name === origin) });
}
