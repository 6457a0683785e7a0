-- Of these decisions those that are open, whichever node has them. $1 decisions
SELECT replace(node::text, '-', '') AS node, replace(decision::text, '-', '') AS decision, intent, reserved_usd, reserved_tokens
FROM open_calls
WHERE decision = ANY ($1::uuid[]) AND ended_at IS NULL;
