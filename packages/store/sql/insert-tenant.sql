-- A tenant and its first environments, in one statement. $1 id, $2 name, $3 made at, $4 environments. No row: the name is taken.
WITH made AS (
  INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)
  ON CONFLICT (name) DO NOTHING
  RETURNING id
), kept AS (
  INSERT INTO environments (tenant, name, created_at)
  SELECT made.id, env, $3 FROM made CROSS JOIN unnest($4::text[]) AS env
)
SELECT id FROM made;
