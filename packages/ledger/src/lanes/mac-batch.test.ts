import { hash as oneShot } from "node:crypto";
import { expect, test } from "vitest";
import { entryMac, genesisHash, type Hash } from "../chain.ts";
import { decodeBody } from "../entry.ts";
import { hmacSha256 } from "../hmac.ts";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT, type SampleHashes, sampleChain } from "../sample-chain.ts";
import { type BadEntry, createVerifier, type KeyedHash, type StoredEntry, type Verifier } from "../verify.ts";
import { MacBatch } from "./mac-batch.ts";

const sha256: Hash = (bytes) => oneShot("sha256", bytes, "buffer");
const keyOf = (id: number): Uint8Array => new Uint8Array(32).fill(id);
const hmacOf = (id: number): Hash => hmacSha256(sha256, keyOf(id));
const hashes: SampleHashes = { sha256, hmac: (bytes, id) => hmacOf(id)(bytes) };
const genesis = genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT);
/** More than two batches, with key rotations among them. */
const chain = sampleChain(hashes, 600);

function verifierOf(hmac: KeyedHash, macKey: (id: number) => Uint8Array | null = keyOf): Verifier {
  return createVerifier({ sha256, hmac, macKey, tenant: SAMPLE_TENANT, genesis, from: 1n });
}

function badOf(entries: readonly StoredEntry[], macKey?: (id: number) => Uint8Array | null): BadEntry | null {
  const walked = verifierOf((bytes, id) => hashes.hmac(bytes, id), macKey);
  for (const entry of entries) walked.push(entry);
  return walked.firstBad;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** The chain with other MACs at some sequences. */
function changed(changes: Readonly<Record<number, Partial<StoredEntry>>>): StoredEntry[] {
  return chain.map((entry, i) => ({ ...entry, ...changes[i + 1] }));
}
const wrongMac = (sequence: number, bit = 0): Partial<StoredEntry> => ({ mac: flipped(chain[sequence - 1]!.mac, bit) });

test("MACs that are looked at many at once are those of one by one, for keys of any length up to a block", () => {
  const batch = MacBatch.open(SAMPLE_TENANT) ?? expect.fail("this Node has no lanes");
  for (const length of [0, 1, 31, 32, 63, 64]) {
    const key = new Uint8Array(length).fill(200 + length);
    const hmac = hmacSha256(sha256, key);
    batch.setKey(key);
    for (let n = 0; n < 9; n++) {
      const entryHash = sha256(Uint8Array.of(n, length));
      const sequence = 2n ** BigInt(7 * n);
      batch.add(sequence, entryHash, entryMac(hmac, SAMPLE_TENANT, sequence, entryHash));
    }
    expect(batch.settle()).toBeNull();
  }
  expect(() => batch.setKey(new Uint8Array(65))).toThrow(/64 bytes/);
});

test("a chain passes, over its rotations, and a MAC that is wrong anywhere is named by its sequence", () => {
  expect(badOf(chain)).toBeNull();
  expect(chain.some((entry) => decodeBody(entry.body).type === "key_rotation")).toBe(true);
  // At both ends of each batch of 256, and here and there.
  const places = chain.map((_, i) => i + 1).filter((n) => n % 31 === 1 || n % 256 < 2 || n % 256 === 255);
  for (const sequence of places) {
    const bad = badOf(changed({ [sequence]: wrongMac(sequence, (sequence * 37) % 256) }).slice(0, sequence + 3));
    expect(bad).toMatchObject({ sequence: BigInt(sequence), fault: "mac" });
  }
});

test("every bit of a MAC counts, also of the last one there is, and so does its length", () => {
  for (let bit = 0; bit < 256; bit++) {
    const last = 258 + (bit % 3);
    const bad = badOf(changed({ 258: wrongMac(258, bit) }).slice(0, last));
    expect([bit, bad]).toMatchObject([bit, { sequence: 258n, fault: "mac" }]);
  }
  expect(badOf(changed({ 300: { mac: new Uint8Array(0) } }))).toMatchObject({ sequence: 300n, fault: "mac" });
});

test("of a wrong MAC and whatever is wrong behind it, the MAC is named, and of two MACs the first", () => {
  const body = flipped(chain[109]!.body, 700);
  expect(badOf(changed({ 100: wrongMac(100), 110: { body } }))).toMatchObject({ sequence: 100n, fault: "mac" });
  expect(badOf(changed({ 120: wrongMac(120), 110: { body } }))).toMatchObject({ sequence: 110n });
  expect(badOf(changed({ 400: wrongMac(400), 399: wrongMac(399) }))).toMatchObject({ sequence: 399n, fault: "mac" });
  expect(badOf(changed({ 256: wrongMac(256), 257: wrongMac(257) }))).toMatchObject({ sequence: 256n, fault: "mac" });
  expect(badOf(changed({ 90: wrongMac(90), 95: { mac: new Uint8Array(31) } }))).toMatchObject({ sequence: 90n });
});

test("a rotation that is not the next key's word is named by its sequence, and a wrong MAC in front of it by that", () => {
  const rotation = Number(chain.find((entry) => decodeBody(entry.body).type === "key_rotation")!.sequence);
  const foreign = verifierOf((bytes, id) => hashes.hmac(bytes, id === 1 ? 1 : id + 1));
  for (const entry of chain.slice(0, rotation)) foreign.push(entry);
  expect(foreign.firstBad).toMatchObject({ sequence: BigInt(rotation), detail: expect.stringContaining("nextMac") });
  const both = verifierOf((bytes, id) => hashes.hmac(bytes, id === 1 ? 1 : id + 1));
  for (const entry of changed({ [rotation - 1]: wrongMac(rotation - 1) }).slice(0, rotation)) both.push(entry);
  expect(both.firstBad).toMatchObject({ sequence: BigInt(rotation - 1), fault: "mac" });
});

test("a key that is not at hand fails at the first entry that needs it", () => {
  const rotation = chain.find((entry) => decodeBody(entry.body).type === "key_rotation")!;
  const { macKeyId } = decodeBody(chain[Number(rotation.sequence)]!.body);
  const without = (id: number): Uint8Array | null => (id === macKeyId ? null : keyOf(id));
  expect(badOf(chain, without)).toMatchObject({ sequence: rotation.sequence + 1n, fault: "mac" });
  const before = changed({ [Number(rotation.sequence) - 1]: wrongMac(Number(rotation.sequence) - 1) });
  expect(badOf(before, without)).toMatchObject({ sequence: rotation.sequence - 1n, fault: "mac" });
});
