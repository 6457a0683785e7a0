-- A closed epoch $2 that will not be opened gets the next number, and every node lays down anew: its rebuild failed ($1 is the one that
-- tried), whoever tried is gone, or nobody could try for so long that recorders would fall behind. Not where somebody is at it.
WITH closed AS (
  UPDATE counter_fence SET
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint), builder = NULL
  WHERE epoch = $2 AND state = 'closed'
    AND (builder IS NULL OR builder = $1 OR NOT EXISTS (SELECT FROM live_nodes WHERE id = builder))
  RETURNING epoch
)
SELECT epoch, pg_notify('tollhouse_fence', '') FROM closed;
