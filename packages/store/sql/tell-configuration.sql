-- What this process has of the configuration. $1 node, $2 its process, $3 in force, $4 in force, and what ended before is recorded
UPDATE nodes SET configuration_version = $3, configuration_recorded = $4
WHERE id = $1 AND instance = $2 AND (configuration_version, configuration_recorded) IS DISTINCT FROM ($3::bigint, $4::bigint);
