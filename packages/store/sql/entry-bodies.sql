-- A page of bodies in chain order. $1 tenant, $2 after this sequence, $3 rows
SELECT sequence, body FROM ledger_entries WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3;
