import { toBase64 } from "./bytes.ts";
import type { Hash } from "./chain.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import {
  COSIGNATURE,
  type NoteKey,
  parseNote,
  type SignedNote,
  signaturesOf,
  type VerifyEd25519,
} from "./signed-note.ts";

/** Whom an auditor believes: told by somebody who is trusted, not by what is checked. */
export interface Trust {
  readonly sha256: Hash;
  readonly verify: VerifyEd25519;
  /** Of the ledger. */
  readonly key: NoteKey;
  /** Keys that the same ledger signed with before it. */
  readonly earlier?: readonly NoteKey[];
  /** Who besides must have seen a checkpoint (c2sp.org/tlog-witness). */
  readonly witnesses?: readonly NoteKey[];
  /** How many of them; without it, all. */
  readonly witnessesNeeded?: number;
}

export interface TrustedCheckpoint extends Checkpoint {
  /** As many witnesses cosigned it as are needed; true where none are. */
  readonly isWitnessed: boolean;
}

/** The checkpoint in a note that the ledger signed with one of its keys, and whether the witnesses saw it. Throws LedgerFormatError. */
export function openTrusted(trust: Trust, text: string): TrustedCheckpoint {
  const note = parseNote(text);
  const keys = [trust.key, ...(trust.earlier ?? [])];
  const signedBy = keys.filter((key) => signaturesOf(trust, note, key).length > 0);
  const checkpoint = openCheckpoint(trust, text, signedBy[0] ?? trust.key);
  const witnesses = trust.witnesses ?? [];
  const seen = witnessesOf(trust, note, witnesses).length;
  return { ...checkpoint, isWitnessed: seen >= (trust.witnessesNeeded ?? witnesses.length) };
}

/**
 * Those of the witnesses who cosigned the note. One key counts once, under however many names: its cosignature does not say the name.
 * A cosignature of theirs that is not good makes the note worthless, as one of the ledger does. Throws LedgerFormatError.
 */
export function witnessesOf(
  means: Pick<Trust, "sha256" | "verify">,
  note: SignedNote,
  witnesses: readonly NoteKey[],
): NoteKey[] {
  const seen = new Map<string, NoteKey>();
  for (const witness of witnesses) {
    if (witness.algorithm !== COSIGNATURE)
      throw new LedgerFormatError("witness", `the key of ${witness.name} is none of a witness`);
    if (signaturesOf(means, note, witness).length > 0) seen.set(toBase64(witness.publicKey), witness);
  }
  return [...seen.values()];
}
