-- $1 tenant, $2 environment, $3 id
SELECT version, amount, mode, changed_at FROM limit_versions WHERE tenant = $1 AND environment = $2 AND id = $3 ORDER BY version;
