-- $1 node that rebuilt it, $2 epoch, $3 nodes that had laid down in the snapshot: what is in the database is all there is of them.
WITH opened AS (
  UPDATE counter_fence SET state = 'open', opened = epoch, reason = 'rebuilt', since = clock_timestamp(), changed_by = $1, builder = NULL
  WHERE epoch = $2 AND state = 'closed' AND builder = $1
  RETURNING epoch
), counted AS (
  UPDATE nodes SET owes = false FROM opened WHERE id = ANY ($3::uuid[]) AND acknowledged = opened.epoch
)
SELECT epoch, pg_notify('tollhouse_fence', '') FROM opened;
