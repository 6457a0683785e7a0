import { fromBase64, toBase64 } from "./bytes.ts";
import { HASH_BYTES, type Hash } from "./chain.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { ED25519, formatNote, type NoteKey, noteKeyId, parseNote, signaturesOf } from "./signed-note.ts";
import type { VerifyEd25519 } from "./signed-note.ts";

/** The head of a chain's tree (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Whose chain: `tollhouse/<deployment id>/<tenant>`. */
  readonly origin: string;
  /** Entries covered: from sequence 1 to this one. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** Of one tenant's chain in one installation; also the name of its signing key. */
export function originOf(deploymentId: string, tenantHex: string): string {
  return `tollhouse/${deploymentId}/${tenantHex}`;
}

/** What is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Extension lines are refused: nothing of ours writes them, and no monitor could audit them. Throws LedgerFormatError. */
export function parseCheckpointText(text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.split("\n");
  if (!origin) throw new LedgerFormatError("origin", "empty");
  if (size === undefined || !/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new LedgerFormatError("size", "expected a decimal number below 2^53 without leading zeros");
  const hash = root === undefined ? null : fromBase64(root);
  if (hash?.length !== HASH_BYTES) throw new LedgerFormatError("root", "expected 32 bytes in base64");
  if (rest.length !== 1 || rest[0] !== "") throw new LedgerFormatError("checkpoint", "expected three lines");
  return { origin, size: Number(size), root: hash };
}

/** The note of a checkpoint: `signature` is the key's, of the UTF-8 of `checkpointText`. */
export function checkpointNote(sha256: Hash, checkpoint: Checkpoint, key: NoteKey, signature: Uint8Array): string {
  return formatNote({
    text: checkpointText(checkpoint),
    signatures: [{ name: key.name, keyId: noteKeyId(sha256, key), signature }],
  });
}

/**
 * The checkpoint in a note that this key signed for its own origin; other signatures (of witnesses) may stand beside. Throws
 * LedgerFormatError where anything else is in the note.
 */
export function openCheckpoint(
  means: { readonly sha256: Hash; readonly verify: VerifyEd25519 },
  note: string,
  key: NoteKey,
): Checkpoint {
  if (key.algorithm !== ED25519) throw new LedgerFormatError("public key", "that of a witness: expected the ledger's");
  const signed = parseNote(note);
  if (signaturesOf(means, signed, key).length === 0)
    throw new LedgerFormatError("note", `${key.name} did not sign it with this key`);
  const checkpoint = parseCheckpointText(signed.text);
  if (checkpoint.origin !== key.name) throw new LedgerFormatError("origin", `expected ${key.name}`);
  return checkpoint;
}
