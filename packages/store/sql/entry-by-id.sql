-- $1 tenant, $2 entry id
SELECT sequence, body, entry_hash FROM ledger_entries WHERE tenant = $1 AND entry_id = $2;
