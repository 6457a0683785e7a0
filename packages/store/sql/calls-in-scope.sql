-- How many calls of a scope were let through since: one walk over the index by time, so it costs what the span holds.
-- $1 tenant, $2 environment, $3 kind of scope, $4 its value ('org' for org), $5 the user's lookup, $6 since, microseconds
SELECT coalesce(sum(calls_of_entry(type, flags)), 0) AS calls FROM ledger_entries
WHERE tenant = $1 AND environment = $2 AND time_us >= $6 AND type IN (2, 4, 5, 6)
  AND (($3 = 'user' AND user_pseudonym = (SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $5))
    OR CASE $3 WHEN 'org' THEN 'org' WHEN 'session' THEN session WHEN 'agent' THEN agent WHEN 'feature' THEN feature
    WHEN 'service' THEN service WHEN 'team' THEN team WHEN 'customer' THEN customer WHEN 'key' THEN key WHEN 'model' THEN model
    WHEN 'provider' THEN provider END = $4);
