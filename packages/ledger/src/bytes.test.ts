import fc from "fast-check";
import { expect, test } from "vitest";
import { copyBytes, dataView, fromBase64, fromHex, sameBytes, toBase64 } from "./bytes.ts";

const RUNS = { numRuns: 2_000 };

test("base64 is the platform's, both ways", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64");
      expect(toBase64(bytes)).toBe(text);
      expect(Buffer.from(fromBase64(text) ?? [])).toEqual(Buffer.from(bytes));
    }),
    RUNS,
  );
});

test("of all texts only the one encoding of some bytes is taken", () => {
  const letter = fc.constantFrom(...Array.from("AQgw09+/=-_ \n\u00e9\u0141"), "\ud83d");
  fc.assert(
    fc.property(fc.string({ unit: letter, maxLength: 12 }), (text) => {
      const isOne = Buffer.from(text, "base64").toString("base64") === text;
      expect(fromBase64(text) !== null, JSON.stringify(text)).toBe(isOne);
    }),
    { numRuns: 20_000 },
  );
  for (const text of ["A", "AA", "AAA", "AA=", "A===", "====", "AAAA====", "AB==", "AAB=", "AAAA=", "AA=A"])
    expect(fromBase64(text), text).toBeNull();
});

test("hexadecimal digits are two a byte, lower-case, and exactly as many", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString("hex");
      expect(Buffer.from(fromHex(text, bytes.length) ?? [])).toEqual(Buffer.from(bytes));
      expect(fromHex(text, bytes.length + 1)).toBeNull();
    }),
    RUNS,
  );
  for (const text of ["0", "0A", "0g", "0\u0130", " 0", "0x", "00 ", "\u0660\u0660"])
    expect(fromHex(text, 1), text).toBeNull();
});

test("bytes are compared and copied to the last one, and none beside them, wherever they lie", () => {
  for (let length = 0; length <= 21; length++)
    for (let at = 0; at < 5; at++) {
      const bytes = Uint8Array.from({ length: 40 }, (_, i) => 200 - i);
      const copy = new Uint8Array(40);
      copyBytes(dataView(bytes), at, dataView(copy), 7, length);
      expect(copy).toEqual(new Uint8Array(40).map((_, i) => (i >= 7 && i < 7 + length ? 200 - (i - 7 + at) : 0)));
      expect(sameBytes(dataView(bytes), at, dataView(copy), 7, length)).toBe(true);
      for (let i = 0; i < 40; i++) {
        const isOne = i >= 7 && i < 7 + length;
        const changed = copy.with(i, 255 - (copy[i] ?? 0));
        expect(sameBytes(dataView(bytes), at, dataView(changed), 7, length)).toBe(!isOne);
      }
    }
});
