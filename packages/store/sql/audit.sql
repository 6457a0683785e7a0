-- A page of changes (of configuration, of MAC keys, and erasures), newest first, by keyset, over the index of changes alone.
-- $1 tenant, $2 sequences below this, $3 rows, then filters or NULL: $4 environment, $5 from and $6 to (microseconds, half-open), and the bytes
-- that a field of the body has: $7 action, $8 subject. Neither is a column, because only these few entries have them; a body that holds the
-- same bytes by chance is left out after it was decoded.
SELECT e.entry_id::text, e.sequence, e.type, e.time_us, e.body, e.entry_hash
FROM ledger_entries AS e
WHERE e.tenant = $1 AND e.sequence < $2 AND e.type IN (7, 8, 9)
  AND ($4::text IS NULL OR e.environment = $4)
  AND ($5::bigint IS NULL OR e.time_us >= $5)
  AND ($6::bigint IS NULL OR e.time_us < $6)
  AND ($7::bytea IS NULL OR position($7 IN e.body) > 0)
  AND ($8::bytea IS NULL OR position($8 IN e.body) > 0)
ORDER BY e.sequence DESC
LIMIT $3;
