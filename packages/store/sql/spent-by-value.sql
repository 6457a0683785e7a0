-- What each value of a scope used in [from, to): as spent-in-scope.sql, of all values at once. A user is named by the lookup: readable ids may
-- not be kept. With $10, sums a quarter of an hour, for rolling windows; then all of the range must be given as ends.
-- $1 tenant, $2 environment, $3 kind of scope, $4 $5 whole hours, $6 $7 and $8 $9 the ends in microseconds, $10 by quarters of an hour?
WITH source (value, pseudonym, quarter, usd, tokens, requests) AS (
  SELECT CASE $3 WHEN 'org' THEN '' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END, CASE $3 WHEN 'user' THEN user_pseudonym END, 0::bigint, cost_nano, input_tokens + output_tokens, calls - released
  FROM usage_hourly
  WHERE tenant = $1 AND environment = $2 AND hour >= $4 AND hour < $5
  UNION ALL
  SELECT CASE $3 WHEN 'org' THEN '' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END, CASE $3 WHEN 'user' THEN user_pseudonym END, CASE WHEN $10 THEN time_us / 900000000 ELSE 0 END,
    amount_nano, input_tokens + output_tokens, CASE WHEN usage_source = 0 THEN 0 ELSE calls_of_entry(type, flags) END
  FROM ledger_entries
  WHERE tenant = $1 AND environment = $2 AND type IN (2, 5, 6) AND time_us >= $6 AND time_us < $7
  UNION ALL
  SELECT CASE $3 WHEN 'org' THEN '' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END, CASE $3 WHEN 'user' THEN user_pseudonym END, CASE WHEN $10 THEN time_us / 900000000 ELSE 0 END,
    amount_nano, input_tokens + output_tokens, CASE WHEN usage_source = 0 THEN 0 ELSE calls_of_entry(type, flags) END
  FROM ledger_entries
  WHERE tenant = $1 AND environment = $2 AND type IN (2, 5, 6) AND time_us >= $8 AND time_us < $9
)
SELECT s.value, u.lookup, s.quarter, sum(s.usd) AS usd, sum(s.tokens) AS tokens, sum(s.requests) AS requests
FROM source AS s LEFT JOIN users AS u ON u.tenant = $1 AND u.pseudonym = s.pseudonym
WHERE s.value IS NOT NULL OR u.lookup IS NOT NULL
GROUP BY s.value, u.lookup, s.quarter;
