-- What some counters have settled. $1 tenant, $2 limits, $3 windows
SELECT limit_id, window_id, settled FROM counter_sums
WHERE tenant = $1 AND limit_id = ANY ($2::text[]) AND window_id = ANY ($3::text[]);
