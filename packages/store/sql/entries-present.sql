-- Which of these entries are in the ledger already: a batch tried again, or read again after a restart; or ended by another node.
SELECT e.tenant::text, e.entry_id::text, e.type, e.flags
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (tenant, entry_id)
JOIN ledger_entries AS e ON e.tenant = wanted.tenant AND e.entry_id = wanted.entry_id;
