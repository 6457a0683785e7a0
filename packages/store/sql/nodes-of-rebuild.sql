-- $1 epoch
SELECT replace(id::text, '-', '') AS id, acknowledged = $1 AS acknowledged,
  (extract(epoch FROM clock_timestamp() - heartbeat_at) * 1000)::bigint AS heartbeat_age_ms,
  state <> 'stopped' AND heartbeat_at > clock_timestamp() - node_lease() AS live
FROM nodes;
