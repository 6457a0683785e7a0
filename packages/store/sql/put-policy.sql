-- A policy's first or next version; the ones before stay. $1 tenant, $2 environment, $3 id, $4 this version, $5 document, $6 made at.
-- No row: changed meanwhile.
WITH changed AS (
  INSERT INTO policies (tenant, environment, id, version, document, created_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (tenant, environment, id) DO UPDATE SET version = excluded.version, document = excluded.document, created_at = excluded.created_at
  WHERE policies.version = excluded.version - 1
  RETURNING *
)
INSERT INTO policy_versions (tenant, environment, id, version, document, created_at)
SELECT tenant, environment, id, version, document, created_at FROM changed
RETURNING id;
