import { fromBase64, toBase64 } from "./bytes.ts";
import type { Hash } from "./chain.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

/** Signed notes of C2SP (c2sp.org/signed-note): a text, and lines that say who signed it. */

/** 1: Ed25519 over the text. 4: a witness's, over the text with a time in front (c2sp.org/tlog-cosignature). */
export type NoteAlgorithm = 1 | 4;

export interface NoteKey {
  /** No spaces, no plus. */
  readonly name: string;
  readonly algorithm: NoteAlgorithm;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** What is signed; ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Ed25519 (RFC 8032): is this the key's signature of the message? Passed in, as hashes are. */
export type VerifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

export const ED25519: NoteAlgorithm = 1;
export const COSIGNATURE: NoteAlgorithm = 4;
const PUBLIC_KEY_BYTES = 32;
const NOTE_LENGTH_MAX = 256 * 1024;
const SIGNATURES_MAX = 100;
const KEY_NAME = /^[^\s+\p{Z}\p{Cc}]+$/u;
const utf8 = new TextEncoder();

/** The first four bytes of SHA-256(name | "\n" | algorithm | public key), as a number. */
export function noteKeyId(sha256: Hash, { name, algorithm, publicKey }: NoteKey): number {
  const head = utf8.encode(`${name}\n`);
  const bytes = new Uint8Array(head.length + 1 + publicKey.length);
  bytes.set(head);
  bytes[head.length] = algorithm;
  bytes.set(publicKey, head.length + 1);
  const hash = sha256(bytes);
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0);
}

/** The key as one word that tools of the Go world take: `name+id+base64(algorithm | public key)`. */
export function verifierKey(sha256: Hash, key: NoteKey): string {
  const id = noteKeyId(sha256, key).toString(16).padStart(8, "0");
  return `${key.name}+${id}+${toBase64(Uint8Array.of(key.algorithm, ...key.publicKey))}`;
}

/** Throws LedgerFormatError: not a word of `verifierKey`, or an id that is not that of its key. */
export function parseVerifierKey(sha256: Hash, text: string): NoteKey {
  const [, name, id, data] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  const bytes = data === undefined ? null : fromBase64(data);
  const algorithm = bytes?.[0];
  if (name === undefined || !KEY_NAME.test(name) || !bytes || bytes.length !== 1 + PUBLIC_KEY_BYTES)
    throw new LedgerFormatError("public key", "expected name+id+base64 of 33 bytes");
  if (algorithm !== ED25519 && algorithm !== COSIGNATURE)
    throw new LedgerFormatError("public key", `unknown algorithm ${algorithm}`);
  const key: NoteKey = { name, algorithm, publicKey: bytes.subarray(1) };
  if (noteKeyId(sha256, key) !== Number.parseInt(id ?? "", 16))
    throw new LedgerFormatError("public key", "its id is not that of its name and key");
  return key;
}

/** `text` with its signature lines. */
export function formatNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, keyId, signature }) => {
    const bytes = new Uint8Array(4 + signature.length);
    new DataView(bytes.buffer).setUint32(0, keyId);
    bytes.set(signature, 4);
    return `\u2014 ${name} ${toBase64(bytes)}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** Says nothing of whether a signature is good. Strict: `formatNote` gives the same text back. Throws LedgerFormatError. */
export function parseNote(note: string): SignedNote {
  if (note.length > NOTE_LENGTH_MAX) throw new LedgerFormatError("note", `longer than ${NOTE_LENGTH_MAX} characters`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.isWellFormed())
    throw new LedgerFormatError("note", "control characters, or no Unicode");
  const split = note.lastIndexOf("\n\n");
  if (split < 1 || !note.endsWith("\n"))
    throw new LedgerFormatError("note", "expected a text, an empty line and signatures, ended by a newline");
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw new LedgerFormatError("note", `more than ${SIGNATURES_MAX} signatures`);
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name, data] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = data === undefined ? null : fromBase64(data);
  if (name === undefined || !KEY_NAME.test(name) || !bytes || bytes.length < 5)
    throw new LedgerFormatError("note", "a line after the empty one is no signature");
  return { name, keyId: new DataView(bytes.buffer).getUint32(0), signature: bytes.subarray(4) };
}

/**
 * The signatures of this key, each of them good: one that is not makes the whole note worthless. None = the key did not sign.
 * `message`: what is signed, where that is not the note's text. Throws LedgerFormatError.
 */
export function signaturesOf(
  { sha256, verify }: { readonly sha256: Hash; readonly verify: VerifyEd25519 },
  note: SignedNote,
  key: NoteKey,
): NoteSignature[] {
  const keyId = noteKeyId(sha256, key);
  const own = note.signatures.filter((line) => line.name === key.name && line.keyId === keyId);
  for (const { signature } of own) {
    const [message, bare] = key.algorithm === ED25519 ? [note.text, signature] : cosigned(note.text, signature);
    if (bare.length !== 64 || !verify(key.publicKey, utf8.encode(message), bare))
      throw new LedgerFormatError("note", `the signature of ${key.name} is not good`);
  }
  return own;
}

/** What a witness signs, and the signature without its time. */
function cosigned(text: string, signature: Uint8Array): readonly [message: string, bare: Uint8Array] {
  if (signature.length !== 72) throw new LedgerFormatError("note", "a cosignature has 72 bytes");
  return [cosignedText(text, cosignatureSeconds(signature)), signature.subarray(8)];
}

/** `cosignature/v1`: the text with the witness's time (seconds since 1970) in front of it. */
export function cosignedText(text: string, seconds: bigint): string {
  return `cosignature/v1\ntime ${seconds}\n${text}`;
}

/** When the witness signed, seconds since 1970. */
export function cosignatureSeconds(signature: Uint8Array): bigint {
  return new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
}
