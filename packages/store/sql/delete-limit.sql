-- $1 tenant, $2 environment, $3 id, $4 version that was read (NULL = any). The history keeps a last version without amount and mode.
WITH changed AS (
  DELETE FROM limits WHERE tenant = $1 AND environment = $2 AND id = $3 AND ($4::int IS NULL OR version = $4)
  RETURNING *
), kept AS (
  INSERT INTO limit_versions (tenant, environment, id, scope, measure, window_kind, time_zone, version)
  SELECT tenant, environment, id, scope, measure, window_kind, time_zone, version + 1 FROM changed
)
SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM changed;
