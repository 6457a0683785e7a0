-- A tenant with its environments. $1 id
SELECT t.id::text, t.name, t.created_at,
  ARRAY(SELECT e.name FROM environments AS e WHERE e.tenant = t.id ORDER BY e.name) AS environments,
  ARRAY(SELECT e.created_at FROM environments AS e WHERE e.tenant = t.id ORDER BY e.name) AS environments_created_at
FROM tenants AS t
WHERE t.id = $1;
