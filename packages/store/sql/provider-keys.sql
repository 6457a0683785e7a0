-- All of an environment, deleted ones too: a provider has one row at most.
-- $1 tenant, $2 environment
SELECT provider, id, origin, sealed, fingerprint, created_at, created_by, version FROM provider_keys
WHERE tenant = $1 AND environment = $2
ORDER BY provider;
