import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** A tenant's own provider key as it is stored. Immutable; a change makes the next version. */
export interface StoredProviderKey {
  readonly provider: string;
  readonly id: string;
  readonly origin: string;
  /** As `sealSecret` made it. Null, and so is the fingerprint: deleted. */
  readonly sealed: Uint8Array | null;
  readonly fingerprint: string | null;
  readonly createdMs: number;
  readonly createdBy: string;
  readonly version: number;
}

/** Another version is stored than the one that was read. */
export class ProviderKeyNotChanged extends Error {
  override readonly name = "ProviderKeyNotChanged";
}

interface ProviderKeyRow {
  readonly provider: string;
  readonly id: string;
  readonly origin: string;
  readonly sealed: Buffer | null;
  readonly fingerprint: string | null;
  readonly created_at: Date;
  readonly created_by: string;
  readonly version: number;
}

/** Stores `key` over the version before its own, or as the first one. Throws ProviderKeyNotChanged. */
export async function putProviderKey(db: Queryable, place: LimitPlace, key: StoredProviderKey): Promise<void> {
  const { provider, id, origin, sealed, fingerprint, createdMs, createdBy, version } = key;
  const values = [provider, id, origin, sealed, fingerprint, new Date(createdMs), createdBy, version];
  const { rows } = await db.query(sql("put-provider-key"), [place.tenant, place.environment, ...values]);
  if (rows.length === 0)
    throw new ProviderKeyNotChanged(`the provider key of ${provider} is not at version ${version - 1}`);
}

/** Deleted ones too: the next key of that provider has the version after theirs. */
export async function listProviderKeys(db: Queryable, place: LimitPlace): Promise<StoredProviderKey[]> {
  const { rows } = await db.query<ProviderKeyRow>(sql("provider-keys"), [place.tenant, place.environment]);
  return rows.map((row) => ({
    provider: row.provider,
    id: row.id,
    origin: row.origin,
    sealed: row.sealed,
    fingerprint: row.fingerprint,
    createdMs: row.created_at.getTime(),
    createdBy: row.created_by,
    version: row.version,
  }));
}
