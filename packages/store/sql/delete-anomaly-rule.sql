-- $1 tenant, $2 environment, $3 id, $4 version that was read. No row: not there, or changed meanwhile.
DELETE FROM anomaly_rules WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $4 RETURNING id;
