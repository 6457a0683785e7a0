-- $1 tenant, $2 environment, $3 name, $4 description, $5 this version. No row: changed meanwhile.
INSERT INTO plans (tenant, environment, name, description, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, environment, name) DO UPDATE SET description = excluded.description, version = excluded.version
WHERE plans.version = excluded.version - 1
RETURNING name;
