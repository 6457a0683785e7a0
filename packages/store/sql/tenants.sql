-- Every tenant with its environments, by name: what the registry is filled from. $1 after this name, $2 rows
SELECT t.id::text, t.name, t.created_at,
  ARRAY(SELECT e.name FROM environments AS e WHERE e.tenant = t.id ORDER BY e.name) AS environments,
  ARRAY(SELECT e.created_at FROM environments AS e WHERE e.tenant = t.id ORDER BY e.name) AS environments_created_at
FROM tenants AS t
WHERE t.name > $1
ORDER BY t.name
LIMIT $2;
