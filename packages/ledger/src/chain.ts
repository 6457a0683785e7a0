import { copyBytes, dataView } from "./bytes.ts";

/**
 * SHA-256 of the bytes, or HMAC-SHA256 under one key: 32 bytes. Passed in, so that this package runs anywhere. It must not
 * keep `bytes`, which are overwritten by the next call. Where `into` (32 bytes) is given it may write its answer there and return that;
 * otherwise its answer must be its own. Whoever walks millions of entries saves an object a hash.
 */
export type Hash = (bytes: Uint8Array, into?: Uint8Array) => Uint8Array;

export const HASH_BYTES = 32;
export const TENANT_BYTES = 16;

const text = new TextEncoder();
const ENTRY_DOMAIN = text.encode("tollhouse/entry/v1\0");
const ENTRY_DOMAIN_VIEW = dataView(ENTRY_DOMAIN);
const MAC_DOMAIN = text.encode("tollhouse/mac/v1\0");
const GENESIS_DOMAIN = text.encode("tollhouse/genesis/v1\0");
const ROTATION_DOMAIN = text.encode("tollhouse/rotation/v1\0");

// Written over at every call: an allocation costs as much as the hash itself (1.4 of 5.8 µs an entry). Larger bodies are rare.
const ENTRY_SCRATCH = new Uint8Array(16 * 1024);
ENTRY_SCRATCH.set(ENTRY_DOMAIN);
const ENTRY_SCRATCH_VIEW = new DataView(ENTRY_SCRATCH.buffer);
const MAC_SCRATCH = new Uint8Array(MAC_DOMAIN.length + TENANT_BYTES + 8 + HASH_BYTES);
MAC_SCRATCH.set(MAC_DOMAIN);
const MAC_SCRATCH_VIEW = new DataView(MAC_SCRATCH.buffer);

/** SHA-256("tollhouse/entry/v1\0" | previous hash | length(body) u32 | body). */
export function entryHash(sha256: Hash, previousHash: Uint8Array, body: Uint8Array, into?: Uint8Array): Uint8Array {
  const at = ENTRY_DOMAIN.length;
  const length = at + HASH_BYTES + 4 + body.length;
  const isUsual = length <= ENTRY_SCRATCH.length;
  const bytes = isUsual ? ENTRY_SCRATCH.subarray(0, length) : new Uint8Array(length);
  if (!isUsual) bytes.set(ENTRY_DOMAIN);
  bytes.set(exactly("previous hash", previousHash, HASH_BYTES), at);
  (isUsual ? ENTRY_SCRATCH_VIEW : new DataView(bytes.buffer)).setUint32(at + HASH_BYTES, body.length);
  bytes.set(body, at + HASH_BYTES + 4);
  return sha256(bytes, into);
}

/** What is hashed in front of a body, its length included. */
export const ENTRY_PREFIX_BYTES = ENTRY_DOMAIN.length + HASH_BYTES + 4;

/**
 * The entry hash of a body that lies among other bytes, from where it lies: what belongs in front of it is written there, over what stands there, and
 * nothing is copied. `previousHash`, `into`: 32 bytes.
 */
export function hashPlaced(
  sha256: Hash,
  previousHash: DataView,
  { view, bodyAt, bodyLength }: BodyPlace,
  into: Uint8Array,
): void {
  const start = bodyAt - ENTRY_PREFIX_BYTES;
  copyBytes(ENTRY_DOMAIN_VIEW, 0, view, start, ENTRY_DOMAIN.length);
  copyBytes(previousHash, 0, view, start + ENTRY_DOMAIN.length, HASH_BYTES);
  view.setUint32(bodyAt - 4, bodyLength);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, ENTRY_PREFIX_BYTES + bodyLength);
  const hash = sha256(bytes, into);
  if (hash !== into) into.set(hash);
}

/** A body among other bytes. */
export interface BodyPlace {
  readonly view: DataView;
  readonly bodyAt: number;
  readonly bodyLength: number;
}

/** HMAC("tollhouse/mac/v1\0" | tenant | sequence u64 | entry hash): tenant and sequence, so that no entry can be moved. */
export function entryMac(
  hmac: Hash,
  tenant: Uint8Array,
  sequence: bigint,
  hash: Uint8Array,
  into?: Uint8Array,
): Uint8Array {
  const at = MAC_DOMAIN.length;
  MAC_SCRATCH.set(exactly("tenant", tenant, TENANT_BYTES), at);
  MAC_SCRATCH_VIEW.setBigUint64(at + TENANT_BYTES, sequence);
  MAC_SCRATCH.set(exactly("entry hash", hash, HASH_BYTES), at + TENANT_BYTES + 8);
  return hmac(MAC_SCRATCH, into);
}

/** What a MAC is made of, without sequence and entry hash: they are the last 40 bytes. */
export function macMessage(tenant: Uint8Array): Uint8Array {
  const message = new Uint8Array(MAC_SCRATCH.length);
  message.set(MAC_DOMAIN);
  message.set(exactly("tenant", tenant, TENANT_BYTES), MAC_DOMAIN.length);
  return message;
}

/** The previous hash of the entry at sequence 1: SHA-256("tollhouse/genesis/v1\0" | deployment id | tenant). */
export function genesisHash(sha256: Hash, deploymentId: string, tenant: Uint8Array): Uint8Array {
  const id = text.encode(deploymentId);
  const bytes = new Uint8Array(GENESIS_DOMAIN.length + id.length + TENANT_BYTES);
  bytes.set(GENESIS_DOMAIN);
  bytes.set(id, GENESIS_DOMAIN.length);
  bytes.set(exactly("tenant", tenant, TENANT_BYTES), GENESIS_DOMAIN.length + id.length);
  return sha256(bytes);
}

/**
 * What a key rotation entry carries in its field `nextMac`: the next key's word for this place of the chain. The entry's
 * own MAC is made with the old key, so a rotation needs both; it cannot cover its own entry hash, which contains it.
 *
 * HMAC[next key]("tollhouse/rotation/v1\0" | tenant | sequence u64 | previous hash | next key id u32).
 */
export function rotationMac(
  nextHmac: Hash,
  tenant: Uint8Array,
  sequence: bigint,
  previousHash: Uint8Array,
  nextMacKeyId: number,
): Uint8Array {
  const at = ROTATION_DOMAIN.length;
  const bytes = new Uint8Array(at + TENANT_BYTES + 8 + HASH_BYTES + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(ROTATION_DOMAIN);
  bytes.set(exactly("tenant", tenant, TENANT_BYTES), at);
  view.setBigUint64(at + TENANT_BYTES, sequence);
  bytes.set(exactly("previous hash", previousHash, HASH_BYTES), at + TENANT_BYTES + 8);
  view.setUint32(at + TENANT_BYTES + 8 + HASH_BYTES, nextMacKeyId);
  return nextHmac(bytes);
}

/** A part of another length would shift the others: two different chains could give the same bytes. */
function exactly(field: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`${field}: expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}
