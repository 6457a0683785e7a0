-- As insert-anomaly-rule, but for what never changes; $8 is the next version. No row: not there, or changed meanwhile.
UPDATE anomaly_rules
SET threshold = $4, window_seconds = $5, action = $6, freeze_seconds = $7, version = $8, changed_at = now()
WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $8 - 1
RETURNING id;
