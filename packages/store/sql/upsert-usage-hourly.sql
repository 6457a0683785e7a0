-- Adds a batch's usage to its hours. Runs under the chain's lock, so two recorders never meet on a row.
INSERT INTO usage_hourly AS u (
  tenant, hour, row_key, environment, provider, model, key, session,
  agent, feature, service, user_pseudonym, team, customer, calls, released,
  blocked, cost_unknown, input_tokens, output_tokens, cost_nano
)
SELECT * FROM unnest(
  $1::uuid[], $2::bigint[], $3::bytea[], $4::text[], $5::text[],
  $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
  $11::text[], $12::bytea[], $13::text[], $14::text[], $15::bigint[],
  $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
  $21::bigint[]
)
ON CONFLICT (tenant, hour, row_key) DO UPDATE SET
  calls = u.calls + excluded.calls,
  released = u.released + excluded.released,
  blocked = u.blocked + excluded.blocked,
  cost_unknown = u.cost_unknown + excluded.cost_unknown,
  input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens,
  cost_nano = u.cost_nano + excluded.cost_nano;
