-- $1 node, $2 seconds. No row: it is another one's turn.
UPDATE job_turn SET node = $1, until = clock_timestamp() + make_interval(secs => $2)
WHERE node = $1 OR until < clock_timestamp();
