-- Every limit in force of an environment: what the snapshot is compiled from. $1 tenant, $2 environment, $3 after this id, $4 rows
SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM limits WHERE tenant = $1 AND environment = $2 AND id > $3 ORDER BY id LIMIT $4;
