-- One page of a chain with its projection as texts, in the order of projection.ts; bytes and UUIDs as bare hex, as derived there.
SELECT sequence, body, entry_hash, mac, ARRAY[
  replace(entry_id::text, '-', ''), replace(ref_id::text, '-', ''), type::text, flags::text, time_us::text,
  amount_nano::text, usage_source::text, environment, provider, model, endpoint, key,
  session, agent, feature, service, encode(user_pseudonym, 'hex'), team, customer, reason, status::text,
  input_tokens::text, output_tokens::text, blocked_calls::text
] AS projection
FROM ledger_entries
WHERE tenant = $1 AND sequence BETWEEN $2 AND $3
ORDER BY sequence
LIMIT $4;
