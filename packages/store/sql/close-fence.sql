-- Closes the open epoch $2 in the name of node $1, once, whoever else tries: the next number is what is built next. $3 reason
WITH closed AS (
  UPDATE counter_fence SET
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
    state = 'closed', reason = $3, since = clock_timestamp(), changed_by = $1, builder = NULL
  WHERE epoch = $2 AND state = 'open'
  RETURNING epoch
)
SELECT epoch, pg_notify('tollhouse_fence', '') FROM closed;
