-- The current versions of those that are there. $1 tenant, $2 environment, $3 ids
SELECT id, version, document, created_at FROM policies WHERE tenant = $1 AND environment = $2 AND id = ANY ($3::text[]);
