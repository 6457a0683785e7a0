-- Oldest first, each note with the cosignatures that there are. $1 tenant, $2 from this size, $3 up to this one, $4 rows
SELECT size, root, note || coalesce((
  SELECT string_agg(w.line, '' ORDER BY w.witness) FROM ledger_cosignatures AS w WHERE w.tenant = c.tenant AND w.size = c.size
), '') AS note, made_at, first_of_month
FROM ledger_checkpoints AS c
WHERE tenant = $1 AND size BETWEEN $2 AND $3 ORDER BY size LIMIT $4;
