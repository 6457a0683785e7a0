-- Calls that are open at any node and whose intents are like these texts. JSON has no index here: few are open. $1 patterns
SELECT replace(node::text, '-', '') AS node, replace(decision::text, '-', '') AS decision, intent, reserved_usd, reserved_tokens
FROM open_calls
WHERE ended_at IS NULL AND intent LIKE ALL ($1::text[]);
