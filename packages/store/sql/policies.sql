-- A page of the current versions, by id: what the snapshot is compiled from. $1 tenant, $2 environment, $3 after this id, $4 rows
SELECT id, version, document, created_at FROM policies WHERE tenant = $1 AND environment = $2 AND id > $3 ORDER BY id LIMIT $4;
