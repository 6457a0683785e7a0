-- $1 tenant, $2 environment, $3 id, $4 lifted at
UPDATE blocks SET lifted_at = $4 WHERE tenant = $1 AND environment = $2 AND id = $3 AND lifted_at IS NULL;
