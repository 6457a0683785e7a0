-- Lifted ones too. $1 tenant, $2 environment, $3 ids
SELECT id, kind, scope, reason, operator, created_at, expires_at, lifted_at IS NOT NULL AS lifted FROM blocks
WHERE tenant = $1 AND environment = $2 AND id = ANY ($3::text[]);
