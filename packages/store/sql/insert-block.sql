-- $1 tenant, $2 environment, $3 id, $4 kind, $5 scope, $6 reason, $7 operator, $8 made at, $9 expires at or NULL
INSERT INTO blocks (tenant, environment, id, kind, scope, reason, operator, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, id) DO NOTHING;
