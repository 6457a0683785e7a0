-- $1 tenant, $2 environment, $3 id, $4 threshold, $5 window in seconds, $6 action, $7 seconds of a freeze or NULL, $8 version, $9 kind, $10 per
INSERT INTO anomaly_rules (tenant, environment, id, threshold, window_seconds, action, freeze_seconds, version, kind, per)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
