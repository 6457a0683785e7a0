SELECT replace(n.id::text, '-', '') AS id, n.name, n.pid, n.roles, n.version, n.address, n.state, n.started_at, n.heartbeat_at,
  live.id IS NOT NULL AS live, (extract(epoch FROM clock_timestamp() - n.heartbeat_at) * 1000)::bigint AS heartbeat_age_ms,
  n.acknowledged, n.entered, n.owes, n.configuration_version, n.spool_bytes, n.in_flight, n.pending_reservations, n.untold,
  n.overspend_max
FROM nodes AS n LEFT JOIN live_nodes AS live ON live.id = n.id
ORDER BY n.name, n.id;
