-- $1 tenant, $2 environment, $3 id, $4 the version it is at, $5 deleted at. The history keeps a last version without a document.
WITH changed AS (
  DELETE FROM policies WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $4
  RETURNING *
)
INSERT INTO policy_versions (tenant, environment, id, version, created_at)
SELECT tenant, environment, id, version + 1, $5 FROM changed
RETURNING id;
