-- What a scope used in [from, to): whole hours from the roll-up, the ends from the ledger, so that a new limit starts from exactly what
-- was settled. Released calls used nothing and count as no request.
-- $1 tenant, $2 environment, $3 kind of scope, $4 its value ('org' for org), $5 the user's lookup, $6 $7 whole hours, $8 $9 and $10 $11
-- the ends in microseconds
WITH source (usd, tokens, requests) AS (
  SELECT cost_nano, input_tokens + output_tokens, calls - released
  FROM usage_hourly
  WHERE tenant = $1 AND environment = $2 AND hour >= $6 AND hour < $7 AND (($3 = 'user' AND user_pseudonym = (SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $5))
    OR CASE $3 WHEN 'org' THEN 'org' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END = $4)
  UNION ALL
  SELECT amount_nano, input_tokens + output_tokens, CASE WHEN usage_source = 0 THEN 0 ELSE calls_of_entry(type, flags) END
  FROM ledger_entries
  WHERE tenant = $1 AND environment = $2 AND time_us >= $8 AND time_us < $9 AND type IN (2, 5, 6) AND (($3 = 'user' AND user_pseudonym = (SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $5))
    OR CASE $3 WHEN 'org' THEN 'org' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END = $4)
  UNION ALL
  SELECT amount_nano, input_tokens + output_tokens, CASE WHEN usage_source = 0 THEN 0 ELSE calls_of_entry(type, flags) END
  FROM ledger_entries
  WHERE tenant = $1 AND environment = $2 AND time_us >= $10 AND time_us < $11 AND type IN (2, 5, 6) AND (($3 = 'user' AND user_pseudonym = (SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $5))
    OR CASE $3 WHEN 'org' THEN 'org' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END = $4)
)
SELECT coalesce(sum(usd), 0) AS usd, coalesce(sum(tokens), 0) AS tokens, coalesce(sum(requests), 0) AS requests,
  (SELECT max(before_us) FROM purged_details WHERE tenant = $1 AND environment = $2) AS purged_us
FROM source;
