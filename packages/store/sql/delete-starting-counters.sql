-- $1 tenant, $2 environment, $3 id, $4 version
DELETE FROM starting_counters WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $4;
