-- Entries of months purged before that came when those had been cleared: $1 tenant, $2 environment, before $3 (microseconds), of the sequences
-- above $4 up to $5. To be asked a few thousand sequences at a time.
SELECT sequence FROM ledger_entries
WHERE tenant = $1 AND sequence > $4 AND sequence <= $5 AND environment = $2 AND time_us < $3 AND type IN (2, 3, 4, 5, 6, 10)
  AND num_nonnulls(provider, model, endpoint, key, session, agent, feature, service, user_pseudonym, team, customer, reason, status) > 0;
