-- A page of what is not lifted, by id.
-- $1 tenant, $2 environment, $3 after this id, $4 those that expired before this are left out, $5 rows
SELECT id, kind, scope, reason, operator, created_at, expires_at FROM blocks
WHERE tenant = $1 AND environment = $2 AND id > $3 AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at >= $4)
ORDER BY id
LIMIT $5;
