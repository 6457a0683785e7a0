-- The limit and its first version in one statement.
WITH changed AS (
  INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)
  RETURNING *
), kept AS (
  INSERT INTO limit_versions (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
  SELECT tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version FROM changed
)
SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM changed;
