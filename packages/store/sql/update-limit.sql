-- $1 tenant, $2 environment, $3 id, $4 version that was read (NULL = any), $5 amount or NULL, $6 mode or NULL. No row: not there, or changed
-- meanwhile.
WITH changed AS (
  UPDATE limits SET amount = coalesce($5, amount), mode = coalesce($6, mode), version = version + 1, changed_at = now()
  WHERE tenant = $1 AND environment = $2 AND id = $3 AND ($4::int IS NULL OR version = $4)
  RETURNING *
), kept AS (
  INSERT INTO limit_versions (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
  SELECT tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version FROM changed
)
SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM changed;
