-- A page of entries that still have details, by time: $1 tenant, $2 environment, in $3 to $4 (microseconds, half-open), up to the sequence $5, $6 rows
SELECT sequence, time_us FROM ledger_entries
WHERE tenant = $1 AND time_us >= $3 AND time_us < $4 AND environment = $2 AND sequence <= $5 AND type IN (2, 3, 4, 5, 6, 10)
  AND num_nonnulls(provider, model, endpoint, key, session, agent, feature, service, user_pseudonym, team, customer, reason, status) > 0
ORDER BY time_us LIMIT $6;
