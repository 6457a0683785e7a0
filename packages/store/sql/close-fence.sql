-- Closes the open epoch $3 in the name of the process $2 of node $1, once, whoever else tries: the next number is what is built next. $4 reason
WITH closed AS (
  UPDATE counter_fence SET
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
    state = 'closed', reason = $4, since = clock_timestamp(), changed_by = $1, builder = NULL
  WHERE epoch = $3 AND state = 'open' AND EXISTS (SELECT FROM nodes WHERE id = $1 AND instance = $2)
  RETURNING epoch
)
SELECT epoch, pg_notify('tollhouse_fence', '') FROM closed;
