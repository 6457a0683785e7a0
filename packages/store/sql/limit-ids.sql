-- A page of the limits in force, by id. $1 tenant, $2 environment, $3 after this id, $4 rows, $5 of this measure (null = any)
SELECT id
FROM limits
WHERE tenant = $1 AND environment = $2 AND id > $3
  AND ($5::text IS NULL OR measure = $5)
ORDER BY id
LIMIT $4;
