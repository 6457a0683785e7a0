import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Hash } from "./chain.ts";
import { hmacSha256 } from "./hmac.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
/** Writes where it is told to. */
const written: Hash = (bytes, into = new Uint8Array(32)) => {
  into.set(sha256(bytes));
  return into;
};

test("the answer is the platform's HMAC-SHA256, for keys shorter and longer than a block", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200, size: "max" }),
      fc.uint8Array({ maxLength: 400, size: "max" }),
      (key, bytes) => {
        const expected = createHmac("sha256", key).update(bytes).digest("hex");
        expect(Buffer.from(hmacSha256(sha256, key)(bytes)).toString("hex")).toBe(expected);
        const into = new Uint8Array(32);
        expect(hmacSha256(written, key)(bytes, into)).toBe(into);
        expect(Buffer.from(into).toString("hex")).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});

test("one key's answers do not depend on what was asked before: short, long, and short again", () => {
  const mac = hmacSha256(written, new Uint8Array(32).fill(7));
  const asked = [10, 95, 300, 95, 10, 400].map((length) => new Uint8Array(length).fill(length % 256));
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const alone = asked.map((bytes) => hex(hmacSha256(sha256, new Uint8Array(32).fill(7))(bytes)));
  const first = mac(asked[0] as Uint8Array);
  expect(asked.map((bytes) => hex(mac(bytes)))).toEqual(alone);
  expect(hex(first)).toBe(alone[0]);
});
