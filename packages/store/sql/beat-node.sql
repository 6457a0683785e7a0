-- What the node is told back: the fence.
-- $1 id, $2 instance, $3 state, $4 address, $5 spool bytes, $6 in flight, $7 pending, $8 untold, $9 worst overspend
UPDATE nodes AS n SET
  heartbeat_at = clock_timestamp(),
  alive_since = CASE WHEN n.heartbeat_at > clock_timestamp() - node_lease() THEN n.alive_since ELSE clock_timestamp() END,
  state = $3, address = $4, spool_bytes = $5, in_flight = $6, pending_reservations = $7, untold = $8,
  overspend_max = greatest(n.overspend_max, $9)
FROM counter_fence AS f
WHERE n.id = $1 AND n.instance = $2
RETURNING f.epoch, f.state = 'open' AS open;
