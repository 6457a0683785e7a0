import { deriveKey, listApiKeys, type Database, type Spool, type StoredApiKey } from "@tollhouse/store";
import type { KeyDirectory } from "./key-directory.ts";
import { KeyService } from "./key-service.ts";

export interface LoadKeysParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly masterKey: Uint8Array;
  readonly tenant: string;
  readonly environments: readonly string[];
  readonly directory: KeyDirectory;
  now(): number;
}

/** The keys of all environments of a tenant, in memory before the port opens. They are found when they are in the directory. */
export async function loadKeys(parts: LoadKeysParts): Promise<{ keys: KeyService; ids: readonly string[] }> {
  const { db, masterKey, tenant, environments, directory } = parts;
  const first: StoredApiKey[] = [];
  for (const environment of environments)
    for await (const stored of listApiKeys(db, { tenant, environment })) first.push(stored);
  const hashKey = deriveKey(masterKey, "api-key", tenant);
  const keys: KeyService = new KeyService({ ...parts, hashKey, first, made: (id) => directory.made(id, keys) });
  return { keys, ids: first.map(({ key }) => key.id) };
}
