-- The same values as insert-api-key, but for the time of its making; $10 is the next version. No row: not there, or changed meanwhile.
UPDATE api_keys SET hash = $4, previous_hash = $5, previous_until = $6, rules = $7, expires_at = $8, revoked_at = $9, version = $10
WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $10 - 1
RETURNING id;
