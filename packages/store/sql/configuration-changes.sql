-- Where the configuration is, and a page of what changed after a version: one statement, so that neither is older than the other. One row with no
-- change where there is none. $1 after this version, $2 rows
SELECT now.version AS newest, c.version, c.of_tenant::text, c.environment, c.subject, c.ids
FROM configuration_version AS now
LEFT JOIN LATERAL (
  SELECT * FROM configuration_changes WHERE version > $1 ORDER BY version LIMIT $2
) AS c ON true
ORDER BY c.version;
