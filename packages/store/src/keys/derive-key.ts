import { hkdfSync } from "node:crypto";

const PURPOSE = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/**
 * A key of 32 bytes for one purpose and tenant (null: the whole installation), by HKDF-SHA256 (RFC 5869) without salt, info =
 * `tollhouse/key/v1 \0 purpose \0 tenant`. Keys of different purposes or tenants tell nothing of each other or of the master.
 * The same forever: entries and ciphertexts depend on it.
 */
export function deriveKey(master: Uint8Array, purpose: string, tenant: string | null): Buffer {
  if (!PURPOSE.test(purpose)) throw new Error(`purpose: expected kebab-case, got "${purpose}"`);
  if (tenant === "") throw new Error("tenant: expected an id, or null for the installation; got an empty text");
  const info = `tollhouse/key/v1\0${purpose}\0${tenant ?? ""}`;
  return Buffer.from(hkdfSync("sha256", master, new Uint8Array(), info, 32));
}
