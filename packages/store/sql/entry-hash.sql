SELECT entry_hash FROM ledger_entries WHERE tenant = $1 AND sequence = $2;
