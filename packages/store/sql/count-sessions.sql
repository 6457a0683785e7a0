-- How many sessions were seen: $1 tenant, $2 environment, $3 since this hour
SELECT count(*) AS sessions FROM usage_of_sessions
WHERE tenant = $1 AND environment = $2 AND session IS NOT NULL AND last_hour >= $3;
