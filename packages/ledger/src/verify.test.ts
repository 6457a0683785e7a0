import { hash as oneShot } from "node:crypto";
import { describe, expect, test } from "vitest";
import { entryHash, entryMac, genesisHash, type Hash } from "./chain.ts";
import { decodeBody, encodeBody, type Entry } from "./entry.ts";
import { hmacSha256 } from "./hmac.ts";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT, type SampleHashes, sampleChain } from "./sample-chain.ts";
import { type BadEntry, createVerifier, type KeyedHash, type StoredEntry } from "./verify.ts";

// One-shot, without a hash object: half the time of this file.
const sha256: Hash = (bytes) => oneShot("sha256", bytes, "buffer");
const KEYS = new Map([1, 2, 3].map((id) => [id, hmacSha256(sha256, new Uint8Array(32).fill(id))]));
const NO_KEY = hmacSha256(sha256, new Uint8Array());
const hashes: SampleHashes = { sha256, hmac: (bytes, id) => (KEYS.get(id) ?? NO_KEY)(bytes) };
const hmac: KeyedHash = (bytes, id) => (KEYS.has(id) ? hashes.hmac(bytes, id) : null);
const genesis = genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT);
const OTHER_TENANT = Uint8Array.from(SAMPLE_TENANT, (byte) => byte ^ 1);

/**
 * E14: 10,000 entries and every bit of each with TOLLHOUSE_LONG=1. A usual run has 200 entries, every bit of the first 24
 * (each kind of entry, twice) and every eleventh of the others, shifted from entry to entry.
 */
const LONG = process.env["TOLLHOUSE_LONG"] === "1";
const LENGTH = LONG ? 10_000 : 200;
const strideOf = (index: number): number => (LONG || index < 24 ? 1 : 11);
const chain = sampleChain(hashes, LENGTH);

function badOf(entries: readonly StoredEntry[], keys: KeyedHash | null = hmac): BadEntry | null {
  const verifier = createVerifier({ sha256, hmac: keys, tenant: SAMPLE_TENANT, genesis, from: 1n });
  for (const entry of entries) verifier.push(entry);
  expect(verifier.entries).toBe(BigInt(entries.length));
  return verifier.firstBad;
}

/** Verifies from the place at `index` on: what was put there, and one entry after it. Damage must show at once. */
function badAround(index: number, placed: readonly StoredEntry[], keys: KeyedHash | null = hmac): BadEntry | null {
  const from = BigInt(index + 1);
  const previous = index === 0 ? {} : { previousHash: chain[index - 1]!.entryHash };
  const verifier = createVerifier({
    sha256,
    hmac: keys,
    tenant: SAMPLE_TENANT,
    genesis,
    from,
    ...previous,
  });
  for (const entry of placed) verifier.push(entry);
  return verifier.firstBad;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** What somebody with the database and without the keys can do: change a body and hash the chain anew from there. */
function forged(index: number, change: Partial<Entry>): StoredEntry[] {
  const entries = [...chain];
  let previousHash = index === 0 ? genesis : chain[index - 1]!.entryHash;
  for (let i = index; i < entries.length; i++) {
    const stored = entries[i]!;
    const body = i === index ? encodeBody({ ...decodeBody(stored.body), ...change }) : stored.body;
    previousHash = entryHash(sha256, previousHash, body);
    entries[i] = { ...stored, body, entryHash: previousHash };
  }
  return entries;
}

describe("an untouched chain", () => {
  test("verifies, with the keys and without", () => {
    expect(badOf(chain)).toBeNull();
    expect(badOf(chain, null)).toBeNull();
  });

  test("verifies from any entry on, given the hash before it", () => {
    for (let i = 0; i < LENGTH; i++) expect(badAround(i, chain.slice(i, i + 3))).toBeNull();
  });

  test("is good entry by entry, and gives the last hash for the checkpoint", () => {
    const verifier = createVerifier({ sha256, hmac, tenant: SAMPLE_TENANT, genesis, from: 1n });
    expect(Buffer.from(verifier.lastHash)).toEqual(Buffer.from(genesis));
    expect(chain.map((entry) => verifier.push(entry))).toEqual(chain.map(() => true));
    expect(Buffer.from(verifier.lastHash)).toEqual(Buffer.from(chain.at(-1)!.entryHash));
  });
});

describe("damage is found, and the first bad sequence named (E14)", { timeout: LONG ? 3_600_000 : 180_000 }, () => {
  test("every bit of every body, entry hash and MAC", () => {
    for (const [i, entry] of chain.entries())
      for (const part of ["body", "entryHash", "mac"] as const)
        for (let bit = i % strideOf(i); bit < entry[part].length * 8; bit += strideOf(i)) {
          const bad = badAround(i, [{ ...entry, [part]: flipped(entry[part], bit) }]);
          if (bad?.sequence !== entry.sequence) expect.fail(`${part} bit ${bit} of ${entry.sequence}: ${bad?.fault}`);
        }
  });

  test("every bit of every body and entry hash, without the keys", () => {
    for (const [i, entry] of chain.entries())
      for (const part of ["body", "entryHash"] as const)
        for (let bit = i % strideOf(i); bit < entry[part].length * 8; bit += strideOf(i)) {
          const bad = badAround(i, [{ ...entry, [part]: flipped(entry[part], bit) }], null);
          if (bad?.sequence !== entry.sequence) expect.fail(`${part} bit ${bit} of ${entry.sequence}: ${bad?.fault}`);
        }
  });

  test("every deletion but the last, every duplicate, every swap of neighbours", () => {
    for (let i = 0; i < LENGTH - 1; i++) {
      const [a, b] = [chain[i]!, chain[i + 1]!];
      expect(badAround(i, [b])).toMatchObject({ sequence: a.sequence, fault: "gap" });
      expect(badAround(i, [a, a, b])).toMatchObject({ sequence: b.sequence, fault: "order" });
      expect(badAround(i, [b, a])).toMatchObject({ sequence: a.sequence, fault: "gap" });
    }
  });

  test("every entry moved in from another tenant's chain, renamed or not", () => {
    const other = sampleChain(hashes, LENGTH, OTHER_TENANT);
    for (const [i, entry] of other.entries()) {
      expect(badAround(i, [entry])).toMatchObject({ sequence: entry.sequence, fault: "tenant" });
      const body = encodeBody({ ...decodeBody(entry.body), tenant: SAMPLE_TENANT });
      expect(badAround(i, [{ ...entry, body }])?.sequence).toBe(entry.sequence);
    }
  });

  test("two entries that swap their sequences, in column and body", () => {
    const renamed = [21, 20].map((from, i): StoredEntry => {
      const entry = chain[from]!;
      const sequence = BigInt(21 + i);
      return { ...entry, sequence, body: encodeBody({ ...decodeBody(entry.body), sequence }) };
    });
    const swapped = chain.toSpliced(20, 2, ...renamed);
    expect(badOf(swapped)).toMatchObject({ sequence: 21n, fault: "hash" });
  });

  test("a body that names another sequence, with the whole chain hashed anew", () => {
    expect(badOf(forged(30, { sequence: 99n }), null)).toMatchObject({ sequence: 31n, fault: "order" });
  });

  test("a changed amount with the whole chain hashed anew: only the MAC shows it, at the changed entry", () => {
    for (const index of [1, 50, LENGTH - 1]) {
      const entries = forged(index, { amountNano: 1n });
      expect(badOf(entries, null)).toBeNull();
      expect(badOf(entries)).toMatchObject({ sequence: BigInt(index + 1), fault: "mac" });
    }
  });

  test("a chain of another installation", () => {
    const other = genesisHash(sha256, "dep-other", SAMPLE_TENANT);
    const verifier = createVerifier({ sha256, hmac, tenant: SAMPLE_TENANT, genesis: other, from: 1n });
    verifier.push(chain[0]!);
    expect(verifier.firstBad).toMatchObject({ sequence: 1n, fault: "hash" });
  });

  test("a chain whose beginning was cut off and that begins anew", () => {
    expect(badOf(forged(0, { type: "admin_action" }), null)).toMatchObject({ sequence: 1n, fault: "genesis" });
    expect(badOf(forged(30, { type: "genesis" }), null)).toMatchObject({ sequence: 31n, fault: "genesis" });
  });
});

describe("keys", () => {
  test("another key takes over only by a rotation", () => {
    expect(badOf(forged(40, { macKeyId: 1 }), null)).toMatchObject({ sequence: 41n, fault: "key" });
  });

  test("a rotation needs the word of the next key", () => {
    const index = chain.findIndex((entry) => decodeBody(entry.body).type === "key_rotation");
    const rotation = decodeBody(chain[index]!.body);
    const [idField, macField] = rotation.fields;
    const signed = (fields: Entry["fields"]): BadEntry | null => {
      const body = encodeBody({ ...rotation, fields });
      const hash = entryHash(sha256, chain[index - 1]!.entryHash, body);
      const mac = entryMac((bytes) => hashes.hmac(bytes, 1), SAMPLE_TENANT, rotation.sequence, hash);
      return badAround(index, [{ sequence: rotation.sequence, body, entryHash: hash, mac }]);
    };
    const at = { sequence: rotation.sequence };
    expect(signed([idField!, [macField![0], flipped(macField![1], 0)]])).toMatchObject({ ...at, fault: "mac" });
    expect(signed([idField!])).toMatchObject({ ...at, fault: "format" });
    expect(signed([idField!, [macField![0], new Uint8Array(31)]])).toMatchObject({ ...at, fault: "format" });
  });

  test("an entry whose key is not at hand fails, also with an empty MAC", () => {
    const none: KeyedHash = () => null;
    expect(badOf(chain, none)).toMatchObject({ sequence: 1n, fault: "mac" });
    expect(badOf([{ ...chain[0]!, mac: new Uint8Array(0) }], none)).toMatchObject({ sequence: 1n, fault: "mac" });
  });
});

test("from the first bad entry on nothing is good, and the first stays named", () => {
  const entries = [...chain];
  entries[9] = { ...entries[9]!, mac: flipped(entries[9]!.mac, 3) };
  entries[4] = { ...entries[4]!, body: new Uint8Array(3) };
  expect(badOf(entries)).toMatchObject({ sequence: 5n, fault: "format" });
});

test("a start in the middle without the hash before it is refused", () => {
  const options = { sha256, hmac, tenant: SAMPLE_TENANT, genesis };
  expect(() => createVerifier({ ...options, from: 2n })).toThrow(/previousHash/);
  expect(() => createVerifier({ ...options, from: 0n })).toThrow(/from/);
});
