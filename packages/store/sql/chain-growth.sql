-- How far chains and their last checkpoints are: one step down each primary key a chain. $1 tenants
SELECT wanted.tenant::text, coalesce(head.sequence, 0) AS size, coalesce(last.size, 0) AS covered, last.made_at
FROM unnest($1::uuid[]) AS wanted (tenant)
LEFT JOIN LATERAL (
  SELECT sequence FROM ledger_entries AS e WHERE e.tenant = wanted.tenant ORDER BY sequence DESC LIMIT 1
) AS head ON true
LEFT JOIN LATERAL (
  SELECT size, made_at FROM ledger_checkpoints AS c WHERE c.tenant = wanted.tenant ORDER BY size DESC LIMIT 1
) AS last ON true;
