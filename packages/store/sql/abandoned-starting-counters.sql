-- Those that whoever made them has had time enough for, of all tenants. $1 seconds, $2 rows
SELECT tenant::text, environment, id, version, session, slots FROM starting_counters
WHERE made_at < clock_timestamp() - $1 * interval '1 second'
ORDER BY made_at LIMIT $2;
