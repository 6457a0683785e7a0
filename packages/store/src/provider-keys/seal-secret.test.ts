import { describe, expect, test } from "vitest";
import { fingerprintOf, openSecret, ProviderKeyUnreadable, sealSecret, type SealedFor } from "./seal-secret.ts";

const master = Buffer.alloc(32, 7);
const secret = "sk-canary-Zm9v-0123456789";
const at: SealedFor = {
  tenant: "0".repeat(31) + "1",
  environment: "prod",
  provider: "openai",
  origin: "https://api.openai.com",
  id: "pkey_1",
};

test("what was sealed is opened where it belongs, and nowhere is it in clear", () => {
  for (const text of ["12345678", secret, "x".repeat(4_096)]) {
    const sealed = sealSecret(master, at, text);
    expect(openSecret(master, at, sealed)).toBe(text);
    expect(sealed.includes(text)).toBe(false);
  }
});

test("sealed twice it is never the same bytes, nor the same nonce", () => {
  const sealed = Array.from({ length: 200 }, () => sealSecret(master, at, secret).toString("hex"));
  expect(new Set(sealed).size).toBe(200);
  expect(new Set(sealed.map((hex) => hex.slice(2, 26))).size).toBe(200);
});

test("each flipped bit of each byte, each cut and each added byte is refused", () => {
  const sealed = sealSecret(master, at, secret);
  const tampered: Buffer[] = [];
  for (let byte = 0; byte < sealed.length; byte++)
    for (let bit = 0; bit < 8; bit++) {
      const copy = Buffer.from(sealed);
      copy[byte] = (copy[byte] as number) ^ (1 << bit);
      tampered.push(copy);
    }
  for (let length = 0; length < sealed.length; length++) tampered.push(sealed.subarray(0, length));
  tampered.push(Buffer.concat([sealed, Buffer.of(0)]), Buffer.concat([Buffer.of(0), sealed]));
  expect(tampered.length).toBe(sealed.length * 9 + 2);
  for (const bytes of tampered) expect(() => openSecret(master, at, bytes)).toThrow(ProviderKeyUnreadable);
});

describe("a sealed secret opens in its own row only", () => {
  const moved: readonly [string, Partial<SealedFor>][] = [
    ["tenant", { tenant: "0".repeat(31) + "2" }],
    ["environment", { environment: "dev" }],
    ["provider", { provider: "groq" }],
    ["scheme", { origin: "http://api.openai.com" }],
    ["host", { origin: "https://api.openai.com.evil.test" }],
    ["port", { origin: "https://api.openai.com:8443" }],
    ["id", { id: "pkey_2" }],
    ["letters over a border", { environment: "prodo", provider: "penai" }],
  ];
  test.each(moved)("not with another %s, and the error names its place and nothing of the secret", (_, other) => {
    const sealed = sealSecret(master, at, secret);
    const place = { ...at, ...other };
    let caught: unknown;
    try {
      openSecret(master, place, sealed);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ProviderKeyUnreadable);
    const { message, stack } = caught as ProviderKeyUnreadable;
    expect(message).toContain(`${place.provider} in ${place.environment} of tenant ${place.tenant}`);
    expect(message).toMatch(/cannot be decrypted/);
    for (const text of [message, stack ?? ""]) expect(text).not.toContain("canary");
  });

  test("nor under another master key", () => {
    const sealed = sealSecret(master, at, secret);
    expect(() => openSecret(Buffer.alloc(32, 8), at, sealed)).toThrow(ProviderKeyUnreadable);
  });

  test("one that was stored years ago opens", () => {
    // Made with Python's cryptography by the format as seal-secret.ts states it, nonce 0x00 … 0x0b.
    const stored =
      "01000102030405060708090a0b895a15a2e7a077bfc97e26e5cbcf1abc84024dc3f1b928c57389d3eb113717ed3d4068e7c3f10598f7";
    expect(openSecret(master, at, Buffer.from(stored, "hex"))).toBe(secret);
  });
});

test("a fingerprint tells two secrets apart, is another for each tenant and master, and holds nothing of the secret", () => {
  const tenants = [at.tenant, "f".repeat(32)];
  const prints = tenants.flatMap((tenant) => [
    fingerprintOf(master, tenant, secret),
    fingerprintOf(master, tenant, `${secret}x`),
    fingerprintOf(Buffer.alloc(32, 8), tenant, secret),
  ]);
  expect(new Set(prints).size).toBe(prints.length);
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/);
  expect(fingerprintOf(master, at.tenant, secret)).toBe(prints[0]);
});
