import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { checkpointNote, checkpointText, originOf, type NoteKey } from "@tollhouse/ledger";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT, sampleChain } from "../../packages/ledger/src/sample-chain.ts";

/** The ledger that the vectors are about: a chain of 21 entries, its tree and its key. */

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
export const secret = (fill: number): ReturnType<typeof createPrivateKey> =>
  createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, fill)]), format: "der", type: "pkcs8" });
export const publicKeyOf = (fill: number): Uint8Array =>
  createPublicKey(secret(fill)).export({ format: "der", type: "spki" }).subarray(-32);

export const TENANT = hex(SAMPLE_TENANT);
export const ORIGIN = originOf(SAMPLE_DEPLOYMENT, TENANT);
export const KEY: NoteKey = { name: ORIGIN, algorithm: 1, publicKey: publicKeyOf(7) };
export const LENGTH = 21;

export const hmac = (bytes: Uint8Array, id: number): Uint8Array =>
  createHmac("sha256", Buffer.alloc(32, id * 0x11))
    .update(bytes)
    .digest();
export const chain = sampleChain({ sha256, hmac }, LENGTH);
export const hashes = chain.map((entry) => entry.entryHash);

/** RFC 6962, 2.1, word for word: the vectors must not come from the code they are for. */
export function treeHash(from: number, to: number): Uint8Array {
  if (to - from === 0) return sha256(Buffer.alloc(0));
  if (to - from === 1) return sha256(Buffer.concat([Buffer.of(0), hashes[from] as Uint8Array]));
  let split = 1;
  while (split * 2 < to - from) split *= 2;
  return sha256(Buffer.concat([Buffer.of(1), treeHash(from, from + split), treeHash(from + split, to)]));
}

export function noteOf(size: number, root = treeHash(0, size), key = KEY, fill = 7): string {
  const checkpoint = { origin: key.name, size, root };
  return checkpointNote(sha256, checkpoint, key, sign(null, Buffer.from(checkpointText(checkpoint)), secret(fill)));
}

export function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed.set(values, at);
  return changed;
}
