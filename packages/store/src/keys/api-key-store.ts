import type { KeyCreate } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** What an operator may say of a key, but for where it belongs and when it ends. */
export type ApiKeyRules = Omit<KeyCreate, "environment" | "expires_at">;

/** A key as it is stored: hashes of 32 bytes, never a secret. Immutable; a change makes the next version. */
export interface ApiKey {
  /** `key_…` */
  readonly id: string;
  readonly environment: string;
  readonly rules: Readonly<ApiKeyRules>;
  readonly hash: Uint8Array;
  /** The secret before the last rotation; it ends at `previousUntilMs`. */
  readonly previousHash: Uint8Array | null;
  readonly previousUntilMs: number | null;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  readonly createdMs: number;
  readonly version: number;
}

export interface StoredApiKey {
  readonly key: ApiKey;
  readonly lastUsedMs: number | null;
}

/** Another version of the key is stored than the one that was read. */
export class ApiKeyNotChanged extends Error {
  override readonly name = "ApiKeyNotChanged";
}

interface ApiKeyRow {
  readonly id: string;
  readonly hash: Buffer;
  readonly previous_hash: Buffer | null;
  readonly previous_until: Date | null;
  readonly rules: ApiKeyRules;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly version: number;
}

const PAGE = 5000;

export async function insertApiKey(db: Queryable, tenant: string, key: ApiKey): Promise<void> {
  await db.query(sql("insert-api-key"), [...valuesOf(tenant, key), new Date(key.createdMs)]);
}

/** Stores `key` over the version before its own. Throws ApiKeyNotChanged. */
export async function updateApiKey(db: Queryable, tenant: string, key: ApiKey): Promise<void> {
  const { rows } = await db.query(sql("update-api-key"), valuesOf(tenant, key));
  if (rows.length === 0) throw new ApiKeyNotChanged(`${key.id} is not at version ${key.version - 1}`);
}

/** `usedMs`: last use by key id. One statement, whatever their number. */
export async function touchApiKeys(db: Queryable, tenant: string, usedMs: ReadonlyMap<string, number>): Promise<void> {
  if (usedMs.size > 0) await db.query(sql("touch-api-keys"), [tenant, [...usedMs.keys()], [...usedMs.values()]]);
}

/** One page by id, revoked keys too. `after`: the last id of the page before; "" = from the first. */
export async function pageOfApiKeys(
  db: Queryable,
  { tenant, environment }: LimitPlace,
  after: string,
  rowsMax: number,
): Promise<StoredApiKey[]> {
  const { rows } = await db.query<ApiKeyRow>(sql("api-keys"), [tenant, environment, after, rowsMax]);
  return rows.map((row) => storedOf(environment, row));
}

/** Those of them that are there. */
export async function readApiKeys(
  db: Queryable,
  { tenant, environment }: LimitPlace,
  ids: readonly string[],
): Promise<StoredApiKey[]> {
  const { rows } = await db.query<ApiKeyRow>(sql("api-keys-by-id"), [tenant, environment, ids]);
  return rows.map((row) => storedOf(environment, row));
}

/** Every key of an environment, revoked ones too. */
export async function* listApiKeys(db: Queryable, place: LimitPlace): AsyncGenerator<StoredApiKey, void> {
  for (let after = ""; ;) {
    const page = await pageOfApiKeys(db, place, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.key.id;
  }
}

function valuesOf(tenant: string, key: ApiKey): unknown[] {
  const { environment, id, hash, previousHash, previousUntilMs, rules, expiresMs, revokedMs, version } = key;
  const previous = [previousHash, dateOf(previousUntilMs)];
  return [
    tenant,
    environment,
    id,
    hash,
    ...previous,
    JSON.stringify(rules),
    dateOf(expiresMs),
    dateOf(revokedMs),
    version,
  ];
}

function storedOf(environment: string, row: ApiKeyRow): StoredApiKey {
  return {
    key: {
      id: row.id,
      environment,
      rules: row.rules,
      hash: row.hash,
      previousHash: row.previous_hash,
      previousUntilMs: row.previous_until?.getTime() ?? null,
      expiresMs: row.expires_at?.getTime() ?? null,
      revokedMs: row.revoked_at?.getTime() ?? null,
      createdMs: row.created_at.getTime(),
      version: row.version,
    },
    lastUsedMs: row.last_used_at?.getTime() ?? null,
  };
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
