-- counter-sums over all tenants: ids of limits are unique over all of them.
-- $1 $2 $3 after this tenant, limit and window, $4 touched at or after this millisecond, $5 rows
-- Of `c` by name: `tenant` alone would be the text in the list, by which there is no index, and each page would sort all that is left.
SELECT c.tenant::text, c.limit_id, c.window_id, c.settled FROM counter_sums AS c
WHERE (c.tenant, c.limit_id, c.window_id) > ($1, $2, $3) AND (c.window_id = 'lifetime' OR c.last_ms >= $4)
ORDER BY c.tenant, c.limit_id, c.window_id
LIMIT $5;
