-- Oldest first. $1 tenant, $2 from this size, $3 up to this one, $4 rows
SELECT size, root, note, made_at, first_of_month FROM ledger_checkpoints
WHERE tenant = $1 AND size BETWEEN $2 AND $3 ORDER BY size LIMIT $4;
