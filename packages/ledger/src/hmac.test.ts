import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hmacSha256 } from "./hmac.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

test("the answer is the platform's HMAC-SHA256, for keys shorter and longer than a block", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200, size: "max" }),
      fc.uint8Array({ maxLength: 400, size: "max" }),
      (key, bytes) => {
        const expected = createHmac("sha256", key).update(bytes).digest("hex");
        expect(Buffer.from(hmacSha256(sha256, key)(bytes)).toString("hex")).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});
