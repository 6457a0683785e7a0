import { HASH_BYTES, type Hash } from "./chain.ts";

const BLOCK_BYTES = 64;
/** What is hashed for a MAC fits. */
const INPUT_BYTES_USUAL = 192;

/**
 * HMAC-SHA256 (RFC 2104) under one key, made of the hash that is passed in. For a body of entries it costs a fraction of an
 * HMAC object a call, since a one-shot hash makes no object (measured in Node 24; see the package's README).
 */
export function hmacSha256(sha256: Hash, key: Uint8Array): Hash {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? sha256(key) : key);
  // Both blocks lie in front of what is hashed, in memory that every call writes over.
  const inner = new Uint8Array(BLOCK_BYTES + INPUT_BYTES_USUAL);
  inner.set(block.map((byte) => byte ^ 0x36));
  const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);
  outer.set(block.map((byte) => byte ^ 0x5c));
  const innerHash = outer.subarray(BLOCK_BYTES);
  // Of the length that was hashed last: a view made for each is a quarter of what an HMAC leaves to clear away.
  let input = inner;
  return (bytes, into) => {
    const length = BLOCK_BYTES + bytes.length;
    if (bytes.length > INPUT_BYTES_USUAL) {
      input = new Uint8Array(length);
      input.set(inner.subarray(0, BLOCK_BYTES));
    } else if (input.length !== length || input.buffer !== inner.buffer) input = inner.subarray(0, length);
    input.set(bytes, BLOCK_BYTES);
    const hash = sha256(input, innerHash);
    if (hash !== innerHash) innerHash.set(hash);
    return sha256(outer, into);
  };
}
