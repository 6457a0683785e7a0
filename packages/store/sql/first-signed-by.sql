-- The first checkpoint whose first signature begins so. $1 tenant, $2 five characters
SELECT size, made_at FROM ledger_checkpoints
WHERE tenant = $1 AND substring(note FROM E'\n\n\u2014 [^ ]+ (.{5})') = $2 ORDER BY size LIMIT 1;
