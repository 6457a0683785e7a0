-- The node $1 rebuilds the closed epoch $2, if nobody has begun to, every live node has laid down for it, and no member of the epoch before
-- is missing that may still come: a node that was away itself, or has just been started, waits for them for a lease.
UPDATE counter_fence AS f SET builder = $1
WHERE f.epoch = $2 AND f.state = 'closed' AND f.builder IS NULL
  AND EXISTS (SELECT FROM live_nodes WHERE id = $1 AND acknowledged = f.epoch)
  AND NOT EXISTS (SELECT FROM live_nodes WHERE acknowledged <> f.epoch)
  AND (
    EXISTS (SELECT FROM nodes WHERE id = $1 AND alive_since <= clock_timestamp() - node_lease())
    OR NOT EXISTS (
      SELECT FROM nodes AS missing
      WHERE missing.state <> 'stopped' AND missing.owes AND missing.entered = f.opened AND f.opened <> 0
        AND missing.acknowledged <> f.epoch AND missing.heartbeat_at <= clock_timestamp() - node_lease()))
RETURNING epoch;
