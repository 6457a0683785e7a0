-- $1 tenant, $2 environment, $3 id, $4 hash, $5 previous hash, $6 previous until, $7 rules, $8 expires, $9 revoked, $10 version, $11 created
INSERT INTO api_keys (tenant, environment, id, hash, previous_hash, previous_until, rules, expires_at, revoked_at, version, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
