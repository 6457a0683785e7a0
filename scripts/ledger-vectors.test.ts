import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CompactTree,
  decodeBody,
  decodeFields,
  ExportVerifier,
  openCheckpoint,
  openTrusted,
  parseVerifierKey,
  verifyConsistency,
  verifyInclusion,
  verifyReceipt,
  type Trust,
} from "@tollhouse/ledger";
import { verifyEd25519 } from "@tollhouse/store";
import { expect, test } from "vitest";
import { ledgerVectors, VECTORS_PATH } from "./ledger-vectors.ts";
import { ROOT } from "./source-files.ts";

// The same file that the Python and Go verifiers are held against; here it is ours.

interface Named {
  readonly name: string;
  readonly accepted: boolean;
}
interface Besides {
  readonly earlier: readonly string[];
  readonly witnesses: readonly string[];
  readonly needed: number;
}
interface Vectors {
  readonly key: string;
  readonly bodies: readonly (Named & { readonly body: string })[];
  readonly tree: { readonly entry_hashes: readonly string[]; readonly roots: readonly string[] };
  readonly inclusion: readonly (Named & { leaf: string; index: number; size: number; root: string; proof: string[] })[];
  readonly consistency: readonly (Named & {
    from: number;
    from_root: string;
    to: number;
    to_root: string;
    proof: string[];
  })[];
  readonly witnessed_notes: readonly (Named & { readonly note: string; readonly besides: Besides })[];
  readonly notes: readonly (Named & { readonly key: string; readonly note: string })[];
  readonly receipts: readonly (Named & { readonly receipt: string })[];
  readonly exports: {
    readonly lines: readonly string[];
    readonly cases: readonly { name: string; lines: number[]; pin: string | null; besides: Besides; answer: object }[];
  };
}

const vectors = JSON.parse(readFileSync(join(ROOT, VECTORS_PATH), "utf8")) as Vectors;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const means = { sha256, verify: verifyEd25519 };
const key = parseVerifierKey(sha256, vectors.key);
const bytes = (hex: string): Uint8Array => Buffer.from(hex, "hex");

function trusting({ earlier, witnesses, needed }: Besides): Trust {
  const keys = (words: readonly string[]) => words.map((word) => parseVerifierKey(sha256, word));
  return { ...means, key, earlier: keys(earlier), witnesses: keys(witnesses), witnessesNeeded: needed };
}

function accepts(work: () => unknown): boolean {
  try {
    return work() !== false;
  } catch {
    return false;
  }
}

test("the committed vectors are what their script makes", () => {
  expect(ledgerVectors()).toEqual(vectors);
});

test.each(vectors.bodies)("body, $name: accepted $accepted", ({ body, accepted }) => {
  expect(accepts(() => decodeFields(decodeBody(bytes(body)).fields))).toBe(accepted);
});

test("every root is that of the definition", () => {
  const tree = new CompactTree(sha256);
  vectors.tree.roots.forEach((root, size) => {
    expect(Buffer.from(tree.root()).toString("hex")).toBe(root);
    if (size < vectors.tree.entry_hashes.length) tree.push(bytes(vectors.tree.entry_hashes[size] as string));
  });
});

test.each(vectors.inclusion)("inclusion, $name: accepted $accepted", ({ leaf, root, proof, accepted, ...place }) => {
  const claim = { ...place, leaf: bytes(leaf), root: bytes(root), proof: proof.map(bytes) };
  expect(verifyInclusion(sha256, claim)).toBe(accepted);
});

test.each(vectors.consistency)("consistency, $name: accepted $accepted", ({ from, to, proof, accepted, ...roots }) => {
  const claim = { from, to, fromRoot: bytes(roots.from_root), toRoot: bytes(roots.to_root), proof: proof.map(bytes) };
  expect(verifyConsistency(sha256, claim)).toBe(accepted);
});

test.each(vectors.notes)("note $name: accepted $accepted", ({ note, key: word, accepted }) => {
  expect(accepts(() => openCheckpoint(means, note, parseVerifierKey(sha256, word)))).toBe(accepted);
});

test.each(vectors.witnessed_notes)("note $name: accepted $accepted", ({ note, besides, accepted }) => {
  expect(accepts(() => openTrusted(trusting(besides), note).isWitnessed)).toBe(accepted);
});

test.each(vectors.receipts)("receipt $name: accepted $accepted", ({ receipt, accepted }) => {
  expect(accepts(() => verifyReceipt({ ...means, key }, receipt))).toBe(accepted);
});

test.each(vectors.exports.cases)("export, $name", ({ lines, pin, besides, answer }) => {
  const opened = pin === null ? {} : { pin: openCheckpoint(means, pin, key) };
  const verifier = new ExportVerifier({ ...trusting(besides), ...opened });
  for (const line of lines) verifier.push(vectors.exports.lines[line] as string);
  const { result, tail, provenTo, entries, checkpoints, witnessedTo, firstBadSequence } = verifier.end();
  const counts = result === "PASS" ? { entries, checkpoints } : {};
  const found = { result, tail, proven_to: provenTo, witnessed_to: witnessedTo, first_bad_sequence: firstBadSequence };
  expect({ ...found, ...counts }).toEqual(answer);
});
