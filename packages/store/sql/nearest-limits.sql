-- Budgets that money was spent of in their windows now, the fullest first. $1 tenant, $2 environment, $3 rows; $4 kinds of window, with $5 and $6
-- the first and the last id that one that is now can have: an hour's or a day's id is its start, so the range may hold the one before too, and
-- whoever asks looks at the counters themselves. Found by the key of the sums, a range for each budget.
SELECT l.id
FROM limits AS l
JOIN unnest($4::text[], $5::text[], $6::text[]) AS w (kind, first, last) ON w.kind = l.window_kind
JOIN counter_sums AS c ON c.tenant = l.tenant AND c.limit_id = l.id AND c.window_id >= w.first AND c.window_id <= w.last
WHERE l.tenant = $1 AND l.environment = $2 AND l.measure = 'usd' AND l.amount > 0
GROUP BY l.id, l.amount
HAVING sum(c.settled) > 0
ORDER BY sum(c.settled) / l.amount DESC, l.id
LIMIT $3;
