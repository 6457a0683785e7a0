-- A page of the calls that are open, of every node: not those that another one ended, which are in the sums. $1 $2 after this node and decision, $3 rows
SELECT replace(node::text, '-', '') AS node, replace(decision::text, '-', '') AS decision, intent, reserved_usd, reserved_tokens
FROM open_calls
WHERE (node, decision) > ($1, $2) AND ended_at IS NULL
ORDER BY node, decision
LIMIT $3;
