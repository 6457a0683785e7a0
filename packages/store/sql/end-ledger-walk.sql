-- $1 tenant, $2 id, $3 what was found (NULL = it was ended before it was through)
UPDATE ledger_walks SET heard_at = now(), ended_at = now(), answer = $3 WHERE tenant = $1 AND id = $2;
