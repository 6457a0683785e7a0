import { entryHash, HASH_BYTES } from "./chain.ts";
import { decodeBody, type Entry } from "./entry.ts";
import { decodeFields, type EntryFields } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { leafHash } from "./merkle.ts";
import { verifyInclusion } from "./merkle-proof.ts";
import { parseTlogProof } from "./tlog-proof.ts";
import { openTrusted, type Trust } from "./trust.ts";

/** What a receipt proves: that this entry is in the ledger. */
export interface ProvenEntry {
  readonly entry: Entry;
  readonly fields: EntryFields;
  readonly entryHash: Uint8Array;
  /** Entries under the checkpoint that covers it. */
  readonly coveredBy: number;
}

/** Does the file start as a receipt does? */
export const RECEIPT_START = "c2sp.org/tlog-proof@";

/**
 * Checks a receipt (c2sp.org/tlog-proof, its extra data the previous hash and the body) with public keys and nothing else. Throws
 * LedgerFormatError where it proves nothing.
 */
export function verifyReceipt(trust: Trust, text: string): ProvenEntry {
  const { sha256 } = trust;
  const { extra, index, hashes, checkpoint } = parseTlogProof(text);
  if (extra === null || extra.length <= HASH_BYTES)
    throw new LedgerFormatError("extra", "expected the entry: its previous hash and its body");
  const head = openTrusted(trust, checkpoint);
  if (!head.isWitnessed) throw new LedgerFormatError("checkpoint", "not cosigned by as many witnesses as are needed");
  const body = extra.subarray(HASH_BYTES);
  const hash = entryHash(sha256, extra.subarray(0, HASH_BYTES), body);
  const { size, root } = head;
  if (!verifyInclusion(sha256, { leaf: leafHash(sha256, hash), index, size, root, proof: hashes }))
    throw new LedgerFormatError("proof", "the entry is not in the tree of the checkpoint");
  const entry = decodeBody(body);
  if (entry.sequence !== BigInt(index) + 1n) throw new LedgerFormatError("index", "the entry is of another place");
  return { entry, fields: decodeFields(entry.fields), entryHash: hash, coveredBy: size };
}
