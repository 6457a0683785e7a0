-- A page of the calls that are open, of every node: not those that another one ended, which are in the sums. $1 $2 after this node and decision, $3 rows
SELECT replace(o.node::text, '-', '') AS node, replace(o.decision::text, '-', '') AS decision, o.intent, o.reserved_usd, o.reserved_tokens
FROM open_calls AS o
WHERE (o.node, o.decision) > ($1, $2) AND o.ended_at IS NULL
ORDER BY o.node, o.decision
LIMIT $3;
