-- Nodes that ended cleanly a week ago, and those that nobody has heard of for a month; whatever showed an overspend stays.
DELETE FROM nodes
WHERE overspend_max = 0 AND heartbeat_at < clock_timestamp() - CASE WHEN owes THEN interval '30 days' ELSE interval '7 days' END
  AND NOT EXISTS (SELECT FROM open_calls WHERE node = nodes.id);
