/** The tenant that a fresh installation has, as records and the API carry it: 32 hex digits of a UUID. */
export const DEFAULT_TENANT = "00000000000000000000000000000001";

/** The 16 bytes that stand in a body. Throws where the text is not 32 hex digits. */
export function idBytes(field: string, id: string): Buffer {
  if (!/^[0-9a-f]{32}$/.test(id))
    throw new Error(`${field}: expected 32 lower-case hex digits, got ${JSON.stringify(id.slice(0, 64))}`);
  return Buffer.from(id, "hex");
}

/** PostgreSQL writes a UUID with dashes; ours have none. */
export function idOfUuid(uuid: string): string {
  return uuid.replaceAll("-", "");
}

/** Lock key of a tenant's chain: 64 bits of its id. Two tenants that share one wait for each other, and nothing else. */
export function chainLock(tenant: string): bigint {
  const id = BigInt(`0x${tenant}`);
  return BigInt.asIntN(64, id ^ (id >> 64n));
}
