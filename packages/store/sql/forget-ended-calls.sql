-- Calls that ended elsewhere and whose node was not heard of since: by now nobody waits for what its spool says. $1 days
DELETE FROM open_calls WHERE ended_at < clock_timestamp() - make_interval(days => $1);
