-- $1 id, $2 instance, $3 the closed epoch for which it has laid everything down
WITH acknowledged AS (
  UPDATE nodes SET acknowledged = $3 FROM counter_fence AS f
  WHERE id = $1 AND instance = $2 AND f.epoch = $3 AND f.state = 'closed'
  RETURNING 1
)
SELECT pg_notify('tollhouse_fence', '') FROM acknowledged;
