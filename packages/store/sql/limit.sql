SELECT id, scope, measure, amount, window_kind, time_zone, mode, version FROM limits WHERE tenant = $1 AND environment = $2 AND id = $3;
