import { HASH_BYTES } from "@tollhouse/ledger";
import { expect, test } from "vitest";
import { PROJECTION } from "./projection.ts";
import { StoredRow } from "./stored-row.ts";

/** A row as PostgreSQL sends it, from `at` on: sequence 7, hash, MAC, body, and no column of the projection. */
function rowAt(at: number, hash: Buffer, mac: Buffer, body: Buffer): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(4 + PROJECTION.length);
  const sequence = Buffer.alloc(8);
  sequence.writeBigInt64BE(7n);
  const columns = [sequence, hash, mac, body].flatMap((bytes) => [lengthOf(bytes.length), bytes]);
  return Buffer.concat([Buffer.alloc(at, 0xee), count, ...columns, ...PROJECTION.map(() => lengthOf(-1))]);
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes);
  return length;
}

const BODY = Buffer.from("a body");

test("what lies in front of a body may be written over once hash and MAC are read, and nothing else", () => {
  const row = new StoredRow();
  const bytes = rowAt(9, Buffer.alloc(HASH_BYTES, 1), Buffer.alloc(HASH_BYTES, 2), BODY);
  row.read(bytes, 9);
  expect(row.place).not.toBeNull();
  bytes.fill(0, row.bodyAt - 55, row.bodyAt);
  expect([row.sequence, row.entryHash, row.mac]).toEqual([
    7n,
    new Uint8Array(HASH_BYTES).fill(1),
    new Uint8Array(HASH_BYTES).fill(2),
  ]);
  expect(Buffer.from(row.body)).toEqual(BODY);
  expect(bytes.subarray(0, 9)).toEqual(Buffer.alloc(9, 0xee));
  expect(row.columns().every((column) => column === null)).toBe(true);
});

test("a row whose hash and MAC are too short for that, and that may be the first there is, is not written to", () => {
  const row = new StoredRow();
  for (const [hash, mac] of [
    [0, 0],
    [0, 10],
    [28, 0],
  ] as const) {
    row.read(rowAt(0, Buffer.alloc(hash), Buffer.alloc(mac), BODY), 0);
    expect(row.place).toBeNull();
    expect([row.entryHash.length, row.mac.length]).toEqual([hash, mac]);
    expect(Buffer.from(row.body)).toEqual(BODY);
  }
});
