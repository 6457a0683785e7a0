SELECT EXISTS (SELECT FROM ledger_entries) AS present;
