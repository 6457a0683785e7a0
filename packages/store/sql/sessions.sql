-- Sessions by their newest hour, with what they did since: from the roll-up, so the cost does not grow with the ledger.
-- $1 tenant, $2 environment, $3 since this hour, $4 rows
SELECT session, sum(calls) AS calls, sum(blocked) AS blocked, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(cost_nano) AS cost_nano, max(hour) AS last_hour, count(*) OVER () AS sessions
FROM usage_hourly
WHERE tenant = $1 AND environment = $2 AND hour >= $3 AND session IS NOT NULL
GROUP BY session
ORDER BY max(hour) DESC, session
LIMIT $4;
