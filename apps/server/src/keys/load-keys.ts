import { deriveKey, listApiKeys, type Database, type Spool, type StoredApiKey } from "@tollhouse/store";
import { KeyService } from "./key-service.ts";

export interface LoadKeysParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly masterKey: Uint8Array;
  readonly tenant: string;
  readonly environments: readonly string[];
  now(): number;
  /** A last use that could not be written; it is tried again. */
  readonly onError: (error: unknown) => void;
}

const LAST_USE_MS = 60_000;

/** The keys of all environments, in memory before the port opens. `close` writes the last uses that are not written yet. */
export async function loadKeys(parts: LoadKeysParts): Promise<{ keys: KeyService; close: () => Promise<void> }> {
  const { db, masterKey, tenant, environments } = parts;
  const first: StoredApiKey[] = [];
  for (const environment of environments)
    for await (const stored of listApiKeys(db, { tenant, environment })) first.push(stored);
  const keys = new KeyService({ ...parts, hashKey: deriveKey(masterKey, "api-key", tenant), first });
  const timer = setInterval(() => void keys.writeLastUses().catch(parts.onError), LAST_USE_MS);
  timer.unref();
  return {
    keys,
    close: () => {
      clearInterval(timer);
      return keys.writeLastUses().catch(parts.onError);
    },
  };
}
