-- Newest first, each note with the cosignatures that there are. $1 tenant, $2 below this size, $3 rows
SELECT size, root, note || coalesce((
  SELECT string_agg(w.line, '' ORDER BY w.witness) FROM ledger_cosignatures AS w WHERE w.tenant = c.tenant AND w.size = c.size
), '') AS note, made_at, first_of_month
FROM ledger_checkpoints AS c
WHERE tenant = $1 AND size < $2 ORDER BY size DESC LIMIT $3;
