import { sign } from "node:crypto";
import { cosignedText, formatNote, noteKeyId, parseNote, verifierKey, type NoteKey } from "@tollhouse/ledger";
import { KEY, noteOf, publicKeyOf, secret, sha256 } from "./sample-ledger.ts";

/** Other keys of the sample ledger, and witnesses: each is the number that its seed is filled with. */

const WITNESSED_AT = 1_790_000_000n;
/** From here on a number is another name for the key of the number less this. */
const OTHER_NAME = 100;

export function ownKey(fill: number): NoteKey {
  return { ...KEY, publicKey: publicKeyOf(fill) };
}

export function wordOf(fill: number): string {
  return verifierKey(sha256, ownKey(fill));
}

function witnessKey(number: number): NoteKey {
  return { name: `witness.example/w${number}`, algorithm: 4, publicKey: publicKeyOf(number % OTHER_NAME) };
}

export function witnessWord(number: number): string {
  return verifierKey(sha256, witnessKey(number));
}

/** The note of this size, with their cosignatures (c2sp.org/tlog-cosignature). `spoil`: what becomes of each one's bytes. */
export function cosigned(
  size: number,
  numbers: readonly number[],
  { note = noteOf(size), at = WITNESSED_AT, spoil = (bytes: Buffer): Buffer => bytes } = {},
): string {
  const { text, signatures } = parseNote(note);
  const cosignatures = numbers.map((number) => {
    const key = witnessKey(number);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(at);
    const made = sign(null, Buffer.from(cosignedText(text, at)), secret(number % OTHER_NAME));
    return { name: key.name, keyId: noteKeyId(sha256, key), signature: spoil(Buffer.concat([time, made])) };
  });
  return formatNote({ text, signatures: [...signatures, ...cosignatures] });
}
