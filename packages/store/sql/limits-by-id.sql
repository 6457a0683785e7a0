-- Those of them that are there. $1 tenant, $2 environment, $3 ids
SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM limits
WHERE tenant = $1 AND environment = $2 AND id = ANY ($3::text[]);
