import { sign } from "node:crypto";
import {
  formatTlogProof,
  genesisHash,
  inclusionRanges,
  verifierKey,
  type NoteKey,
  type StoredEntry,
} from "@tollhouse/ledger";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT } from "../../packages/ledger/src/sample-chain.ts";
import type { Besides } from "./export-cases.ts";
import { chain, hashes, KEY, noteOf, ORIGIN, patched, publicKeyOf, secret, sha256, treeHash } from "./sample-ledger.ts";
import { cosigned, ownKey, witnessWord, wordOf } from "./witnesses.ts";

export function noteCases(): unknown[] {
  const word = verifierKey(sha256, KEY);
  const note = noteOf(21);
  const [text, signature] = [note.slice(0, note.indexOf("\n\n") + 1), note.slice(note.indexOf("\n\n") + 2)];
  const stranger = `\u2014 witness.example/w1 ${Buffer.alloc(76, 3).toString("base64")}\n`;
  const signedAs = (body: string): string => {
    const made = sign(null, Buffer.from(body), secret(7));
    const id = Buffer.from(word.split("+")[1] as string, "hex");
    return `${body}\n\u2014 ${ORIGIN} ${Buffer.concat([id, made]).toString("base64")}\n`;
  };
  const root = Buffer.from(treeHash(0, 21)).toString("base64");
  const elsewhere: NoteKey = { ...KEY, name: "tollhouse/elsewhere/00" };
  const cases: readonly (readonly [name: string, note: string, accepted: boolean, key?: string])[] = [
    ["as it was signed", note, true],
    ["of an empty tree", noteOf(0), true],
    ["of the largest tree", noteOf(Number.MAX_SAFE_INTEGER, treeHash(0, 21)), true],
    ["a witness beside it", `${text}\n${stranger}${signature}`, true],
    ["signed twice", `${text}\n${signature}${signature}`, true],
    ["by a witness alone", `${text}\n${stranger}`, false],
    ["with a bad signature of the same key beside a good one", `${text}\n${signature}${corrupt(signature)}`, false],
    ["with another size", note.replace("\n21\n", "\n20\n"), false],
    ["by another key", noteOf(21, undefined, { ...KEY, publicKey: publicKeyOf(8) }, 8), false],
    ["by another secret under this key's id", noteOf(21, undefined, KEY, 8), false],
    ["for another origin", signedAs(`tollhouse/elsewhere/00\n21\n${root}\n`), false],
    ["under another name", noteOf(21, undefined, elsewhere), false],
    ["with an extension", signedAs(`${ORIGIN}\n21\n${root}\nmore\n`), false],
    ["with a leading zero", signedAs(`${ORIGIN}\n021\n${root}\n`), false],
    ["with a sign", signedAs(`${ORIGIN}\n+21\n${root}\n`), false],
    ["with a size of 2^53", signedAs(`${ORIGIN}\n9007199254740992\n${root}\n`), false],
    ["with a root of 31 bytes", signedAs(`${ORIGIN}\n21\n${Buffer.alloc(31).toString("base64")}\n`), false],
    ["with base64 that has stray bits", signedAs(`${ORIGIN}\n21\n${root.slice(0, -2)}B=\n`), false],
    ["without padding", signedAs(`${ORIGIN}\n21\n${root.slice(0, -1)}\n`), false],
    ["without its last newline", note.slice(0, -1), false],
    ["with an empty line behind", `${note}\n`, false],
    ["without signatures", `${text}\n`, false],
    ["with lines of Windows", note.replaceAll("\n", "\r\n"), false],
    ["with a hyphen for a dash", note.replace("\u2014", "-"), false],
    ["empty", "", false],
    ["with a key whose id is another's", note, false, word.replace(/\+[0-9a-f]{8}\+/, "+00000000+")],
    ["with a witness's key", note, false, verifierKey(sha256, { ...KEY, algorithm: 4 })],
    ["with a cut key", note, false, word.slice(0, -4)],
  ];
  return cases.map(([name, own, accepted, key = word]) => ({ name, key, note: own, accepted }));
}

/** Another last byte of the signature, in base64 that is still one. */
function corrupt(line: string): string {
  const at = line.lastIndexOf(" ") + 1;
  const bytes = Buffer.from(line.slice(at).trim(), "base64");
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1;
  return `${line.slice(0, at)}${bytes.toString("base64")}\n`;
}

/** Notes of witnesses: `accepted` = opened, and by as many as are needed. */
export function witnessCases(): unknown[] {
  const [one, two] = [witnessWord(21), witnessWord(22)];
  const flip = (bytes: Buffer): Buffer => bytes.fill((bytes.at(-1) as number) ^ 1, bytes.length - 1);
  const later = (bytes: Buffer): Buffer => bytes.fill((bytes[7] as number) ^ 1, 7, 8);
  const both = { witnesses: [one, two], needed: 2 };
  const cases: readonly (readonly [name: string, note: string, besides: Besides, accepted: boolean])[] = [
    ["by the witness", cosigned(21, [21]), { witnesses: [one], needed: 1 }, true],
    ["by both", cosigned(21, [22, 21]), both, true],
    ["by one of two", cosigned(21, [22]), both, false],
    ["by one of two, where one is needed", cosigned(21, [22]), { ...both, needed: 1 }, true],
    ["twice by one", cosigned(21, [22], { note: cosigned(21, [22]) }), both, false],
    ["at two times by one", cosigned(21, [22], { note: cosigned(21, [22]), at: 1_790_000_001n }), both, false],
    ["by nobody", noteOf(21), { witnesses: [one], needed: 1 }, false],
    ["by one who is not known", cosigned(21, [23]), { witnesses: [one], needed: 1 }, false],
    ["by one who is not known beside the one", cosigned(21, [23, 21]), { witnesses: [one], needed: 1 }, true],
    ["with a bad cosignature", cosigned(21, [21], { spoil: flip }), { witnesses: [one], needed: 1 }, false],
    [
      "with a bad one beside a good one",
      cosigned(21, [21], { note: cosigned(21, [21]), spoil: flip }),
      { witnesses: [one], needed: 1 },
      false,
    ],
    ["with another time than was signed", cosigned(21, [21], { spoil: later }), { witnesses: [one], needed: 1 }, false],
    [
      "without the time",
      cosigned(21, [21], { spoil: (bytes) => bytes.subarray(8) }),
      { witnesses: [one], needed: 1 },
      false,
    ],
    [
      "of another checkpoint",
      noteOf(21) + cosigned(20, [21]).split("\n").at(-2) + "\n",
      { witnesses: [one], needed: 1 },
      false,
    ],
    ["with a bad one of somebody who is not asked for", cosigned(21, [23], { spoil: flip }), {}, true],
    [
      "by the witness, but not by the ledger",
      cosigned(21, [21], { note: unsigned() }),
      { witnesses: [one], needed: 1 },
      false,
    ],
    ["where the ledger is named as a witness", cosigned(21, [21]), { witnesses: [wordOf(7)], needed: 1 }, false],
    ["with an earlier key of the ledger", noteOf(21, undefined, ownKey(8), 8), { earlier: [wordOf(8)] }, true],
    ["with an earlier key that is not known", noteOf(21, undefined, ownKey(8), 8), {}, false],
    [
      "with a bad signature of an earlier key beside a good one",
      `${noteOf(21)}${corrupt(`${noteOf(21, undefined, ownKey(8), 8).split("\n").at(-2)}\n`)}`,
      { earlier: [wordOf(8)] },
      false,
    ],
  ];
  return cases.map(([name, note, besides, accepted]) => ({
    name,
    note,
    besides: { earlier: [], witnesses: [], needed: 0, ...besides },
    accepted,
  }));
}

/** Signed by a key that nobody knows. */
function unsigned(): string {
  return noteOf(21, undefined, ownKey(9), 9);
}

export function receiptCases(): unknown[] {
  const genesis = genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT);
  const receipt = (index: number, size: number, over: object = {}): string =>
    formatTlogProof({
      extra: Buffer.concat([hashes[index - 1] ?? genesis, (chain[index] as StoredEntry).body]),
      index,
      hashes: inclusionRanges(index, size).map(({ from, to }) => treeHash(from, to)),
      checkpoint: noteOf(size),
      ...over,
    });
  const body = (chain[4] as StoredEntry).body;
  const cases: readonly (readonly [name: string, receipt: string, accepted: boolean])[] = [
    ["of the first entry", receipt(0, 21), true],
    ["of the last entry", receipt(20, 21), true],
    ["of the only entry", receipt(0, 1), true],
    ["of an entry between", receipt(4, 17), true],
    ["with another index", receipt(4, 17, { index: 5 }), false],
    [
      "with another body",
      receipt(4, 17, { extra: Buffer.concat([hashes[3] as Uint8Array, patched(body, 75, 1)]) }),
      false,
    ],
    ["with another previous hash", receipt(4, 17, { extra: Buffer.concat([hashes[2] as Uint8Array, body]) }), false],
    ["without the entry", receipt(4, 17, { extra: null }), false],
    ["with a checkpoint of another size", receipt(4, 17, { checkpoint: noteOf(16) }), false],
    ["with a checkpoint that nobody signed", receipt(4, 17, { checkpoint: noteOf(17, undefined, KEY, 8) }), false],
    ["of another version", receipt(4, 17).replace("@v1", "@v2"), false],
    ["cut off", receipt(4, 17).slice(0, -1), false],
  ];
  return cases.map(([name, text, accepted]) => ({ name, receipt: text, accepted }));
}
