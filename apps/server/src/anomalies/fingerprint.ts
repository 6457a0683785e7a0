import { hash } from "node:crypto";
import type { ConsideredCall } from "../gateway/considered-call.ts";

/** What makes two requests the same; null = nobody knows what the request is. */
export type Fingerprint = (call: ConsideredCall) => string | null;

/**
 * Provider, model, endpoint and every byte of the body, under a key of the tenant. It stays in memory and is compared there alone: no
 * text can be read from it, nor be told by it without the key. The body is hashed by itself, so that it need not be copied behind the
 * key. Two hashes in one step each: 2 µs of CPU for 1.5 KB and 75 µs for 100 KB; an HMAC, whose object is made anew for each call,
 * took 19 and 94.
 */
export function createFingerprint(key: Uint8Array): Fingerprint {
  const secret = Buffer.from(key).toString("hex");
  return ({ provider, facts, raw, fingerprint = null }) => {
    const body = raw ?? fingerprint;
    if (body === null) return null;
    // No name holds U+0000, so no two of different parts are the same.
    const parts = `${secret}${provider}\0${facts.endpoint}\0${facts.model}\0`;
    return hash("sha256", parts + hash("sha256", body, "base64url"), "base64url");
  };
}
