import type { StoredEntry } from "@tollhouse/ledger";
import { chain, hex, patched } from "./sample-ledger.ts";

export function bodyCases(): unknown[] {
  const body = (chain[1] as StoredEntry).body;
  const header = patched(body.subarray(0, 86), 84, 0, 0);
  const withFields = (...fields: readonly (readonly [tag: number, data: readonly number[]])[]): Uint8Array =>
    Buffer.concat([
      patched(header, 84, fields.length >> 8, fields.length & 255),
      ...fields.map(([tag, data]) =>
        Buffer.from([tag >> 8, tag & 255, 0, 0, data.length >> 8, data.length & 255, ...data]),
      ),
    ]);
  const cases: readonly (readonly [name: string, bytes: Uint8Array, accepted: boolean])[] = [
    ["as it was written", body, true],
    ["no fields", header, true],
    ["an unknown tag is kept", withFields([9_999, [0xff]]), true],
    ["unknown flags are kept", patched(header, 2, 0xff, 0xff), true],
    ["an empty text", withFields([1, []]), true],
    ["an empty usage", withFields([32, []]), true],
    ["empty", new Uint8Array(), false],
    ["85 bytes", header.subarray(0, 85), false],
    ["version 0", patched(header, 0, 0), false],
    ["version 2", patched(header, 0, 2), false],
    ["type 0", patched(header, 1, 0), false],
    ["type 11", patched(header, 1, 11), false],
    ["usage source 5", patched(header, 79, 5), false],
    ["another currency", patched(header, 76, 0x45), false],
    ["a trailing byte", Buffer.concat([header, Buffer.of(0)]), false],
    ["a field fewer than it says", patched(header, 84, 0, 1), false],
    ["a field that ends behind the body", patched(withFields([1, [0x61]]), 86 + 5, 2), false],
    ["a field of 4 GiB", patched(withFields([1, [0x61]]), 86 + 2, 0xff, 0xff, 0xff, 0xff), false],
    ["a tag twice", withFields([1, []], [1, []]), false],
    ["descending tags", withFields([2, []], [1, []]), false],
    ["a text that is no UTF-8", withFields([1, [0xff]]), false],
    ["a text with an overlong encoding", withFields([1, [0xc0, 0x80]]), false],
    ["a text with a surrogate", withFields([1, [0xed, 0xa0, 0x80]]), false],
    ["a text with U+0000 and U+FEFF", withFields([1, [0xef, 0xbb, 0xbf, 0]]), true],
    ["a pseudonym of 31 bytes", withFields([20, Array<number>(31).fill(1)]), false],
    ["a status of 3 bytes", withFields([49, [0, 0, 200]]), false],
    ["usage of class 19", withFields([32, [19, 0, 0, 0, 0, 0, 0, 0, 1]]), false],
    ["usage of 2^53 - 1", withFields([32, [18, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]), true],
    ["usage of 2^53", withFields([32, [18, 0, 0x20, 0, 0, 0, 0, 0, 0]]), false],
    ["a class of usage twice", withFields([32, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]), false],
    ["usage cut short", withFields([32, [0, 0, 0, 0, 0, 0, 0, 0]]), false],
    ["counters cut short", withFields([39, [1, 0x61, 1, 0x62, 0, 0, 0, 0, 0, 0, 0]]), false],
    ["a counter with empty names", withFields([39, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]), true],
    ["counts with a name that is no UTF-8", withFields([80, [1, 0xff, 0, 0, 0, 1]]), false],
    ["a limit of an unknown scope", withFields([54, [0, 11, 0, 0, 0, ...Array<number>(36).fill(0)]]), false],
    ["a limit of the highest numbers", withFields([54, [0, 10, 2, 5, 1, ...Array<number>(36).fill(255)]]), true],
    ["a limit cut short", withFields([54, [0, 10, 2, 5, 1, ...Array<number>(35).fill(0)]]), false],
  ];
  return cases.map(([name, bytes, accepted]) => ({ name, body: hex(bytes), accepted }));
}
