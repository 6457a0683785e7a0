-- counter-sums over all tenants: ids of limits are unique over all of them.
-- $1 $2 $3 after this tenant, limit and window, $4 touched at or after this millisecond, $5 rows
SELECT tenant::text, limit_id, window_id, settled FROM counter_sums
WHERE (tenant, limit_id, window_id) > ($1, $2, $3) AND (window_id = 'lifetime' OR last_ms >= $4)
ORDER BY tenant, limit_id, window_id
LIMIT $5;
