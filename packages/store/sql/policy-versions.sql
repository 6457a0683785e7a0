-- A page of a policy's versions, the newest first; of one that was deleted too. $1 tenant, $2 environment, $3 id, $4 before this version, $5 rows
SELECT id, version, document, created_at FROM policy_versions
WHERE tenant = $1 AND environment = $2 AND id = $3 AND version < $4
ORDER BY version DESC
LIMIT $5;
