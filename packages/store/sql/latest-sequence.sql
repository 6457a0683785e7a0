SELECT max(sequence) AS sequence FROM ledger_entries WHERE tenant = $1;
