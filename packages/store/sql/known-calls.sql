-- Of these calls, those that are stored as open, or have an entry. $1 tenants, $2 decisions, in the same order
SELECT replace(wanted.decision::text, '-', '') AS id
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (tenant, decision)
WHERE EXISTS (SELECT FROM open_calls AS o WHERE o.decision = wanted.decision)
  OR EXISTS (SELECT FROM ledger_entries AS e WHERE e.tenant = wanted.tenant AND e.entry_id = wanted.decision);
