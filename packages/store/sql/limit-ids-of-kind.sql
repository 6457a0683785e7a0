-- As limit-ids.sql, of one kind of scope ($6): a statement of its own, so that its index (0033) is used whatever it is planned for.
SELECT id
FROM limits
WHERE tenant = $1 AND environment = $2 AND id > $3
  AND ($5::text IS NULL OR measure = $5)
  AND split_part(scope, ':', 1) = $6
ORDER BY id
LIMIT $4;
