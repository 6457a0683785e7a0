import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 16;
const SECRET_BYTES = 32;
/** 62^43 > 2^256 */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

/** Every key of ours begins so, the admin key that Tollhouse makes too. */
export const KEY_PREFIX = "th_";

/**
 * `th_<environment>_<id>_<secret>_<checksum>`: the id (95 bits of chance) finds the key, the secret (256 bits) proves it, and the
 * checksum (CRC-32 of all before it, base 62) tells a mistyped or cut key, and a secret scanner its finding, without a look-up.
 */
export function makeKeyText(environment: string, id: string = makeKeyId()): string {
  const secret = base62(randomBytes(SECRET_BYTES), SECRET_LENGTH);
  const body = `${KEY_PREFIX}${environment}_${id.slice("key_".length)}_${secret}`;
  return `${body}_${checksum(body)}`;
}

/** `key_` and 16 digits of base 62. */
export function makeKeyId(): string {
  // More bytes than the digits hold: what a remainder makes uneven is below one in 2^32.
  return `key_${base62(randomBytes(16), ID_LENGTH).slice(-ID_LENGTH)}`;
}

/** The id that the text names; null where it is no key of this form, or its checksum says that it was mistyped. */
export function keyIdOf(text: string): string | null {
  const parts = text.split("_", 6);
  if (parts.length !== 5 || parts[0] !== "th") return null;
  const [, environment, id, secret, sum] = parts as [string, string, string, string, string];
  if (environment === "" || id.length !== ID_LENGTH) return null;
  if (secret.length !== SECRET_LENGTH || sum.length !== CHECKSUM_LENGTH) return null;
  return checksum(text.slice(0, -CHECKSUM_LENGTH - 1)) === sum ? `key_${id}` : null;
}

function checksum(text: string): string {
  // Below 2^53, and looked at on every call: numbers, where the others are bigints.
  let sum = "";
  for (let rest = crc32(text); sum.length < CHECKSUM_LENGTH; rest = Math.floor(rest / 62))
    sum = DIGITS.charAt(rest % 62) + sum;
  return sum;
}

function base62(bytes: Buffer, length: number): string {
  let text = "";
  for (let rest = BigInt(`0x${bytes.toString("hex")}`); rest > 0n; rest /= 62n)
    text = DIGITS.charAt(Number(rest % 62n)) + text;
  return text.padStart(length, "0");
}
