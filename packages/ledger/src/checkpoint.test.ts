import { createHash, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { fromBase64, toBase64 } from "./bytes.ts";
import {
  checkpointNote,
  checkpointText,
  openCheckpoint,
  originOf,
  parseCheckpointText,
  type Checkpoint,
} from "./checkpoint.ts";
import { cosignatureSeconds, cosignedText, formatNote, noteKeyId, parseNote, parseVerifierKey } from "./signed-note.ts";
import { signaturesOf, verifierKey, type NoteKey } from "./signed-note.ts";
import { formatTlogProof, parseTlogProof } from "./tlog-proof.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const means = {
  sha256,
  verify: (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    verify(null, message, createPublicKey({ key: Buffer.concat([SPKI, key]), format: "der", type: "spki" }), signature),
};
const pair = generateKeyPairSync("ed25519");
const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const origin = originOf("ab".repeat(16), "00".repeat(15) + "01");
const key: NoteKey = { name: origin, algorithm: 1, publicKey };
const checkpoint = { origin, size: 4821, root: new Uint8Array(sha256(Buffer.from("root"))) };
const signed = (what: Checkpoint, secret: KeyObject): string =>
  checkpointNote(sha256, what, key, sign(null, Buffer.from(checkpointText(what)), secret));
const note = signed(checkpoint, pair.privateKey);

/** The example of c2sp.org/signed-note and its key, of the Go module `golang.org/x/mod/sumdb/note`. */
const KNOWN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const KNOWN_NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

test("a note and a key that another implementation made are read and hold", () => {
  const known = parseVerifierKey(sha256, KNOWN_KEY);
  expect(verifierKey(sha256, known)).toBe(KNOWN_KEY);
  const parsed = parseNote(KNOWN_NOTE);
  expect(formatNote(parsed)).toBe(KNOWN_NOTE);
  expect(signaturesOf(means, parsed, known)).toHaveLength(1);
});

test("a checkpoint that was signed is opened with its key, and says what was signed", () => {
  expect(openCheckpoint(means, note, key)).toEqual(checkpoint);
  expect(parseCheckpointText(checkpointText(checkpoint))).toEqual(checkpoint);
  expect(parseVerifierKey(sha256, verifierKey(sha256, key))).toEqual({ ...key, publicKey: new Uint8Array(publicKey) });
});

test("a signed checkpoint with any byte changed is refused, and with any byte cut off or doubled", () => {
  const bytes = Buffer.from(note);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    for (const other of [
      changed,
      bytes.subarray(0, at),
      Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]),
    ])
      expect(() => openCheckpoint(means, other.toString(), key), `${at}: ${other.toString()}`).toThrow();
  }
});

test("a checkpoint of another key, another origin, or a witness alone is refused", () => {
  const other = generateKeyPairSync("ed25519");
  const forged = signed(checkpoint, other.privateKey);
  expect(() => openCheckpoint(means, forged, key)).toThrow(/not good/);
  const elsewhere = signed({ ...checkpoint, origin: "other" }, pair.privateKey);
  expect(() => openCheckpoint(means, elsewhere, key)).toThrow(/origin/);
  expect(() => openCheckpoint(means, note, { ...key, name: "other" })).toThrow(/did not sign/);
  expect(() => openCheckpoint(means, note, { ...key, algorithm: 4 })).toThrow(/witness/);
});

test("unknown signatures stand beside without harm; a bad one of a known key spoils the note", () => {
  const parsed = parseNote(note);
  const stranger = { name: "witness.example/w1", keyId: 7, signature: new Uint8Array(72) };
  const own = parsed.signatures[0] as (typeof parsed.signatures)[number];
  expect(openCheckpoint(means, formatNote({ ...parsed, signatures: [stranger, own] }), key)).toEqual(checkpoint);
  const bad = { ...own, signature: new Uint8Array(64) };
  expect(() => openCheckpoint(means, formatNote({ ...parsed, signatures: [own, bad] }), key)).toThrow(/not good/);
});

test("a witness's cosignature holds for its time and text only", () => {
  const witness: NoteKey = { name: "witness.example/w1", algorithm: 4, publicKey };
  const { text, signatures } = parseNote(note);
  const signature = new Uint8Array(72);
  new DataView(signature.buffer).setBigUint64(0, 1_795_243_800n);
  signature.set(sign(null, Buffer.from(cosignedText(text, 1_795_243_800n)), pair.privateKey), 8);
  const line = { name: witness.name, keyId: noteKeyId(sha256, witness), signature };
  const [found] = signaturesOf(means, { text, signatures: [...signatures, line] }, witness);
  expect(found && cosignatureSeconds(found.signature)).toBe(1_795_243_800n);
  signature[7] = (signature[7] as number) ^ 1;
  expect(() => signaturesOf(means, { text, signatures: [line] }, witness)).toThrow(/not good/);
});

test.each([
  ["no size", "o\n\nAAAA\n"],
  ["a leading zero", `o\n01\n${toBase64(new Uint8Array(32))}\n`],
  ["a size of 2^53", `o\n9007199254740992\n${toBase64(new Uint8Array(32))}\n`],
  ["a negative size", `o\n-1\n${toBase64(new Uint8Array(32))}\n`],
  ["a short root", `o\n1\n${toBase64(new Uint8Array(31))}\n`],
  ["an extension", `o\n1\n${toBase64(new Uint8Array(32))}\nmore\n`],
  ["no newline at the end", `o\n1\n${toBase64(new Uint8Array(32))}`],
  ["no origin", `\n1\n${toBase64(new Uint8Array(32))}\n`],
])("a checkpoint with %s is refused", (_, text) => {
  expect(() => parseCheckpointText(text)).toThrow();
});

test.each([
  ["the id of another key", KNOWN_KEY.replace("c74f20a3", "c74f20a4")],
  ["a name with a space", KNOWN_KEY.replace("Peter", "Peter ")],
  ["a cut key", KNOWN_KEY.slice(0, -4)],
  ["nothing", ""],
])("a public key with %s is refused", (_, text) => {
  expect(() => parseVerifierKey(sha256, text)).toThrow(/public key/);
});

test("base64 has one text for each bytes", () => {
  for (let length = 0; length < 40; length++) {
    const bytes = sha256(Buffer.of(length)).subarray(0, length % 33);
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    expect(fromBase64(toBase64(bytes))).toEqual(new Uint8Array(bytes));
  }
  for (const text of ["A", "AA", "AAA", "AB==", "AAB=", "A===", "====", "AA=A", "AA\n=", "AA-_", "AAAA="])
    expect(fromBase64(text), text).toBeNull();
});

test("a proof file is read as it was written, and nothing looser", () => {
  for (const extra of [null, new Uint8Array([1, 2, 3])])
    for (const hashes of [[], [new Uint8Array(sha256(Buffer.of(1))), new Uint8Array(sha256(Buffer.of(2)))]]) {
      const proof = { extra, index: 16, hashes, checkpoint: note };
      expect(parseTlogProof(formatTlogProof(proof))).toEqual(proof);
    }
  const text = formatTlogProof({ extra: null, index: 16, hashes: [sha256(Buffer.of(1))], checkpoint: note });
  for (const [from, to] of [
    ["@v1", "@v2"],
    ["index 16", "index 016"],
    ["index 16", "index -1"],
    ["index 16", "extra !\nindex 16"],
    ["index 16\n", "index 16\nAAAA\n"],
    ["index 16\n", ""],
  ] as const)
    expect(() => parseTlogProof(text.replace(from, to)), to).toThrow();
});
