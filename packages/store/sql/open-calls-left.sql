-- A page of the calls that nodes left open which were not heard of for so many seconds. $1 $2 after this node and decision, $3 seconds, $4 rows
SELECT replace(o.node::text, '-', '') AS node, replace(o.decision::text, '-', '') AS decision, o.intent, o.reserved_usd, o.reserved_tokens
FROM open_calls AS o LEFT JOIN nodes AS n ON n.id = o.node
WHERE (o.node, o.decision) > ($1, $2) AND o.ended_at IS NULL
  AND (n.id IS NULL OR n.state = 'stopped' OR n.heartbeat_at <= clock_timestamp() - make_interval(secs => $3))
ORDER BY o.node, o.decision
LIMIT $4;
