-- $1 tenant, $2 name, $3 made at. No row: the tenant has it already.
INSERT INTO environments (tenant, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (tenant, name) DO NOTHING RETURNING name;
