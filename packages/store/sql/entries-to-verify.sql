-- A stretch of a chain, a row each, in PostgreSQL's binary form. The columns behind the first four are those of projection.ts, in its order;
-- hash and MAC stand in front of the body, where a verifier writes what is hashed with it once it has them.
-- $1 tenant, $2 from, $3 to, $4 rows
SELECT sequence, entry_hash, mac, body, entry_id, ref_id, type, flags,
  time_us, amount_nano, usage_source, environment, provider, model, endpoint, key,
  session, agent, feature, service, user_pseudonym, team, customer, reason,
  status, input_tokens, output_tokens, blocked_calls
FROM ledger_entries
WHERE tenant = $1 AND sequence >= $2 AND sequence <= $3
ORDER BY sequence
LIMIT $4;
