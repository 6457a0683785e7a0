-- $1 tenant, $2 environment, $3 ids
SELECT id, hash, previous_hash, previous_until, rules, expires_at, revoked_at, created_at, last_used_at, version FROM api_keys
WHERE tenant = $1 AND environment = $2 AND id = ANY ($3::text[]);
