import { describe, expect, test } from "vitest";
import { keyIdOf, makeKeyId, makeKeyText } from "./key-text.ts";

describe("the text of a key", () => {
  test("says its environment and id, and hides 256 bits", () => {
    const id = makeKeyId();
    const text = makeKeyText("pre-prod", id);
    expect(text).toMatch(/^th_pre-prod_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(keyIdOf(text)).toBe(id);
    expect(id).toBe(`key_${text.split("_")[2]}`);
  });

  test("no two are alike, nor their ids", () => {
    const texts = Array.from({ length: 2_000 }, () => makeKeyText("dev"));
    expect(new Set(texts).size).toBe(2_000);
    expect(new Set(texts.map(keyIdOf)).size).toBe(2_000);
  });

  test("the checksum is the CRC-32 of all before it, so that anybody's scanner can check a finding", () => {
    // Python: zlib.crc32(b"th_dev_0000000000000000_" + b"0" * 43) in base 62, digits before capitals before small letters
    const body = `th_dev_${"0".repeat(16)}_${"0".repeat(43)}`;
    expect(keyIdOf(`${body}_000000`)).toBeNull();
    expect(keyIdOf(`${body}_4bDYkx`)).toBe(`key_${"0".repeat(16)}`);
  });
});

describe("what is no key is refused by its text alone", () => {
  const text = makeKeyText("prod");

  test("any one character changed, wherever it is", () => {
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "x" ? "y" : "x";
      expect([at, keyIdOf(text.slice(0, at) + other + text.slice(at + 1))]).toEqual([at, null]);
    }
  });

  test("two neighbours swapped, cut short, or run together with more", () => {
    for (let at = 0; at + 1 < text.length; at++) {
      if (text[at] === text[at + 1]) continue;
      const swapped = text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2);
      expect([at, keyIdOf(swapped)]).toEqual([at, null]);
    }
    for (let length = 0; length < text.length; length++) expect(keyIdOf(text.slice(0, length))).toBeNull();
    for (const more of ["0", "_", "_0", " ", text]) expect(keyIdOf(text + more)).toBeNull();
  });

  test.each(["", "th_", "th_admin_for_tests_only", "th_prod_stolen", "sk-other", "th_____", `TH${text.slice(2)}`])(
    "%j",
    (none) => expect(keyIdOf(none)).toBeNull(),
  );
});
