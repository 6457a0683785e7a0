-- Those in force, by id: the oldest first. $1 tenant, $2 environment
SELECT id, kind, per, threshold, window_seconds, action, freeze_seconds, version FROM anomaly_rules
WHERE tenant = $1 AND environment = $2
ORDER BY id;
