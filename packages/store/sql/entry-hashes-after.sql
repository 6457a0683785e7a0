-- A page of entry hashes in chain order. $1 tenant, $2 after this sequence, $3 up to this one, $4 rows
SELECT sequence, entry_hash FROM ledger_entries
WHERE tenant = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4;
