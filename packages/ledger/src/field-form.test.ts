import { USAGE_CLASSES } from "@tollhouse/contract";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dataView } from "./bytes.ts";
import { decodeBody } from "./entry.ts";
import { isWellFormedField, sumOfUsage } from "./field-form.ts";
import { decodeFields, encodeFields, FIELDS } from "./fields.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../../contract/vectors/ledger-entries.json", import.meta.url), "utf8"),
) as { readonly entries: readonly { readonly body: string }[] };
const genuine = vectors.entries.flatMap(({ body }) => decodeBody(Buffer.from(body, "hex")).fields);

function decodes(tag: number, bytes: Uint8Array): boolean {
  try {
    decodeFields([[tag, bytes]]);
    return true;
  } catch {
    return false;
  }
}

test("a field is well-formed exactly where decoding takes it: genuine, cut, longer, and with any byte changed", () => {
  let refused = 0;
  for (const [tag, bytes] of genuine) {
    const others = [bytes, bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)])];
    for (let at = 0; at < bytes.length; at++)
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) others.push(Uint8Array.from(bytes).with(at, byte));
    for (const other of others) {
      const framed = Buffer.concat([Buffer.from("ab"), other, Buffer.from("cd")]);
      const expected = decodes(tag, other);
      if (!expected) refused += 1;
      const hex = Buffer.from(other).toString("hex");
      expect(isWellFormedField(tag, dataView(framed), 2, 2 + other.length), `${tag}: ${hex}`).toBe(expected);
    }
  }
  expect(refused).toBeGreaterThan(500);
  expect(isWellFormedField(9_999, dataView(Buffer.of(0xff)), 0, 1)).toBe(true);
});

test("usage is summed over the classes that count", () => {
  const usage = { input: 100, input_cache_read: 2 ** 40 + 1, output: 64 };
  const [[, bytes] = [0, new Uint8Array()]] = encodeFields({ usage });
  const isInput = USAGE_CLASSES.map((name) => name.startsWith("input"));
  expect(sumOfUsage(dataView(bytes), 0, bytes.length, isInput)).toBe(2 ** 40 + 101);
  expect(FIELDS.usage.tag).toBe(32);
});
