-- $1 tenant, $2 id, $3 entries walked (NULL = none yet), $4 of how many
UPDATE ledger_walks SET heard_at = now(), walked = $3, entries = $4 WHERE tenant = $1 AND id = $2 AND ended_at IS NULL;
