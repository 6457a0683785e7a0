-- $1 tenant, $2 environment
SELECT name, description, version FROM plans WHERE tenant = $1 AND environment = $2 ORDER BY name;
