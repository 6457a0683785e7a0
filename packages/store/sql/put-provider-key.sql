-- $1 tenant, $2 environment, $3 provider, $4 id, $5 origin, $6 sealed or NULL (deleted), $7 fingerprint or NULL, $8 made at, $9 by,
-- $10 the next version. No row: changed meanwhile.
INSERT INTO provider_keys (tenant, environment, provider, id, origin, sealed, fingerprint, created_at, created_by, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tenant, environment, provider) DO UPDATE SET
  id = excluded.id, origin = excluded.origin, sealed = excluded.sealed, fingerprint = excluded.fingerprint,
  created_at = excluded.created_at, created_by = excluded.created_by, version = excluded.version
WHERE provider_keys.version = excluded.version - 1
RETURNING id;
