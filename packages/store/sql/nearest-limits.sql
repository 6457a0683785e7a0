-- Budgets that money was spent of in their windows now, about the fullest first. $1 tenant, $2 environment, $3 rows; $4 kinds of window, with $5 and
-- $6 the first and the last id that one that is now can have: an hour's or a day's id is its start, so the range may hold the one before too, and
-- whoever asks looks at the counters themselves. Only slots of a rolling window are summed: to group a million budgets took half of the time.
WITH fullest AS (
  -- Of a window and the one before it there are two.
  (
    SELECT l.id, c.settled::float8 / l.amount AS part
    FROM limits AS l
    JOIN unnest($4::text[], $5::text[], $6::text[]) AS w (kind, first, last) ON w.kind = l.window_kind
    JOIN counter_sums AS c ON c.tenant = l.tenant AND c.limit_id = l.id AND c.window_id >= w.first AND c.window_id <= w.last
    WHERE l.tenant = $1 AND l.environment = $2 AND l.measure = 'usd' AND l.amount > 0 AND l.window_kind <> 'rolling_24h' AND c.settled > 0
    ORDER BY part DESC, l.id
    LIMIT $3 * 2
  )
  UNION ALL
  (
    SELECT l.id, sum(c.settled)::float8 / l.amount AS part
    FROM limits AS l
    JOIN unnest($4::text[], $5::text[], $6::text[]) AS w (kind, first, last) ON w.kind = l.window_kind
    JOIN counter_sums AS c ON c.tenant = l.tenant AND c.limit_id = l.id AND c.window_id >= w.first AND c.window_id <= w.last
    WHERE l.tenant = $1 AND l.environment = $2 AND l.measure = 'usd' AND l.amount > 0 AND l.window_kind = 'rolling_24h'
    GROUP BY l.id, l.amount
    HAVING sum(c.settled) > 0
    ORDER BY part DESC, l.id
    LIMIT $3
  )
)
SELECT id FROM fullest GROUP BY id ORDER BY max(part) DESC, id LIMIT $3;
