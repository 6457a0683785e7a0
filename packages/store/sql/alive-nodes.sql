-- Nodes that were heard of within so many seconds, by this clock alone. $1 seconds
SELECT replace(id::text, '-', '') AS id FROM nodes
WHERE state <> 'stopped' AND heartbeat_at > clock_timestamp() - make_interval(secs => $1);
