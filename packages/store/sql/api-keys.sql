-- Keys of an environment, revoked ones too, by id. $1 tenant, $2 environment, $3 after this id, $4 rows
SELECT id, hash, previous_hash, previous_until, rules, expires_at, revoked_at, created_at, last_used_at, version FROM api_keys
WHERE tenant = $1 AND environment = $2 AND id > $3 ORDER BY id LIMIT $4;
