import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { deriveKey } from "../keys/derive-key.ts";

/** What a sealed secret belongs to; every part of it is authenticated with it. */
export interface SealedFor {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly environment: string;
  readonly provider: string;
  /** Scheme, host and port that the secret may be sent to: `https://api.openai.com`. */
  readonly origin: string;
  /** `pkey_…` */
  readonly id: string;
}

/** It stands where it was not stored, its row was changed, or the master key is another. Never says anything of the secret. */
export class ProviderKeyUnreadable extends Error {
  override readonly name = "ProviderKeyUnreadable";
  readonly code = "PROVIDER_KEY_UNREADABLE";
  constructor({ provider, environment, tenant, id }: SealedFor) {
    super(
      `provider key ${id} of ${provider} in ${environment} of tenant ${tenant} cannot be decrypted: it was stored for another tenant, environment, provider or address, or was changed`,
    );
  }
}

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES;
const FINGERPRINT_DIGITS = 16;

/**
 * format u8 | nonce 12 B | ciphertext | tag 16 B (NIST SP 800-38D). Random nonces: safe for 2^32 secrets of one tenant, since each has
 * a key of its own.
 */
export function sealSecret(master: Uint8Array, at: SealedFor, secret: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keyOf(master, at.tenant), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated(at));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), nonce, sealed, cipher.getAuthTag()]);
}

/** Throws ProviderKeyUnreadable. */
export function openSecret(master: Uint8Array, at: SealedFor, sealed: Uint8Array): string {
  if (sealed.length <= HEAD_BYTES + TAG_BYTES || sealed[0] !== FORMAT) throw new ProviderKeyUnreadable(at);
  const nonce = sealed.subarray(1, HEAD_BYTES);
  const cipher = createDecipheriv("aes-256-gcm", keyOf(master, at.tenant), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated(at));
  cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const opened = cipher.update(sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES));
  try {
    // Nothing of it counts before the tag was compared.
    return Buffer.concat([opened, cipher.final()]).toString("utf8");
  } catch {
    throw new ProviderKeyUnreadable(at);
  }
}

/** 64 bits, in hex: for people to compare two keys by. */
export function fingerprintOf(master: Uint8Array, tenant: string, secret: string): string {
  const key = deriveKey(master, "provider-key-fingerprint", tenant);
  return createHmac("sha256", key).update(secret).digest("hex").slice(0, FINGERPRINT_DIGITS);
}

function keyOf(master: Uint8Array, tenant: string): Buffer {
  return deriveKey(master, "provider-key", tenant);
}

/** Each part with its length before it: no letter can move over a border. */
function associated({ tenant, environment, provider, origin, id }: SealedFor): Buffer {
  const parts = [tenant, environment, provider, origin, id].flatMap((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat([Buffer.from("tollhouse/provider-key/v1\0"), ...parts]);
}
