-- The last entry of each chain: one step down the primary key a tenant. No separate table of heads, which could disagree.
SELECT wanted.tenant::text, head.sequence, head.entry_hash, head.body
FROM unnest($1::uuid[]) AS wanted (tenant)
CROSS JOIN LATERAL (
  SELECT sequence, entry_hash, body FROM ledger_entries AS e
  WHERE e.tenant = wanted.tenant ORDER BY sequence DESC LIMIT 1
) AS head;
