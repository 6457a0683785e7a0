-- A page of counters that may still count: those of lifetime, and those that a call touched since.
-- $1 tenant, $2 $3 after this limit and window, $4 touched at or after this millisecond, $5 rows
SELECT limit_id, window_id, settled FROM counter_sums
WHERE tenant = $1 AND (limit_id, window_id) > ($2, $3) AND (window_id = 'lifetime' OR last_ms >= $4)
ORDER BY limit_id, window_id
LIMIT $5;
