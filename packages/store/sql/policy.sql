-- $1 tenant, $2 environment, $3 id
SELECT id, version, document, created_at FROM policies WHERE tenant = $1 AND environment = $2 AND id = $3;
