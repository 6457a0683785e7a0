import type { KeyAnswer } from "@tollhouse/contract";
import type { ApiKey } from "@tollhouse/store";

/** What may be told of a key, to its manager and to the ledger: field by field, so that no hash can slip in. */
export function describeKey(key: ApiKey): Omit<KeyAnswer, "last_used_at"> {
  const { rules } = key;
  return {
    id: key.id,
    name: rules.name,
    environment: key.environment,
    permissions: rules.permissions,
    fixed: rules.fixed,
    settable: rules.settable,
    models: rules.models,
    requests_per_minute: rules.requests_per_minute,
    tokens_per_minute: rules.tokens_per_minute,
    expires_at: timeOf(key.expiresMs),
    revoked_at: timeOf(key.revokedMs),
    created_at: timeOf(key.createdMs) as string,
    previous_valid_until: timeOf(key.previousUntilMs),
    version: key.version,
  };
}

/** A user id is erasable, and an entry is not: the ledger says that a key is for one user, the table of keys for whom. */
export function keyLedgerText(key: ApiKey): string {
  const told = describeKey(key);
  const { user } = told.fixed;
  return JSON.stringify(user === undefined ? told : { ...told, fixed: { ...told.fixed, user: "user" } });
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
