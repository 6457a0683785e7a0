import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { entryHash, entryMac, genesisHash, type Hash, rotationMac } from "./chain.ts";
import { hmacSha256 } from "./hmac.ts";

const sha256: Hash = (bytes) => createHash("sha256").update(bytes).digest();
const hmac: Hash = (bytes) => createHmac("sha256", "key").update(bytes).digest();
const tenant = Buffer.alloc(16, 7);
const previous = Buffer.alloc(32, 9);
const u32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, "0"), "hex");
const u64 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(16, "0"), "hex");
const parts = (...all: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(all.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));

describe("the hashes are those of docs/ledger-format.md", () => {
  test("entry hash, for bodies of every size, large and small in turn", () => {
    for (const length of [0, 1, 40_000, 86, 16_300, 16_325, 16_326, 16_327, 16_384, 2, 1_000_000, 3]) {
      const body = Buffer.alloc(length, length);
      const expected = sha256(parts("tollhouse/entry/v1\0", previous, u32(length), body));
      expect(entryHash(sha256, previous, body)).toEqual(expected);
    }
  });

  test("MAC, genesis and rotation", () => {
    const sequence = (1n << 63n) + 5n;
    expect(entryMac(hmac, tenant, sequence, previous)).toEqual(
      hmac(parts("tollhouse/mac/v1\0", tenant, u64(sequence), previous)),
    );
    expect(genesisHash(sha256, "dép", tenant)).toEqual(sha256(parts("tollhouse/genesis/v1\0", "dép", tenant)));
    const rotation = parts("tollhouse/rotation/v1\0", tenant, u64(sequence), previous, u32(3));
    expect(rotationMac(hmac, tenant, sequence, previous, 3)).toEqual(hmac(rotation));
  });

  test("two keys that are used in turn do not disturb each other", () => {
    const [a, b] = [hmacSha256(sha256, Buffer.from("key")), hmacSha256(sha256, Buffer.from("other"))];
    const expected = entryMac(hmac, tenant, 1n, previous);
    entryMac(b, tenant, 2n, previous);
    expect(entryMac(a, tenant, 1n, previous)).toEqual(expected);
  });

  test("a part of another length is refused: it would shift the others", () => {
    expect(() => entryHash(sha256, Buffer.alloc(31), Buffer.alloc(4))).toThrow(/previous hash: expected 32/);
    expect(() => entryMac(hmac, Buffer.alloc(17), 1n, previous)).toThrow(/tenant: expected 16/);
    expect(() => entryMac(hmac, tenant, 1n, Buffer.alloc(0))).toThrow(/entry hash: expected 32/);
    expect(() => genesisHash(sha256, "d", Buffer.alloc(15))).toThrow(/tenant: expected 16/);
  });
});
