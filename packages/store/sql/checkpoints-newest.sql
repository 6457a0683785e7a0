-- Newest first. $1 tenant, $2 below this size, $3 rows
SELECT size, root, note, made_at, first_of_month FROM ledger_checkpoints
WHERE tenant = $1 AND size < $2 ORDER BY size DESC LIMIT $3;
