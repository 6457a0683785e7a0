-- Entries that somebody else wrote in place of those who knew.
SELECT e.tenant::text, e.body
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (tenant, entry_id)
JOIN ledger_entries AS e ON e.tenant = wanted.tenant AND e.entry_id = wanted.entry_id;
