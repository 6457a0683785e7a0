-- Adds a batch's usage to its hours. Runs under the chain's lock, so two recorders never meet on a row.
INSERT INTO usage_hourly AS u (
  tenant, hour, row_key, environment, provider, model, key, session,
  agent, feature, service, user_pseudonym, team, customer, calls, released,
  blocked, cost_unknown, input_tokens, output_tokens, cost_nano
)
SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::bytea[]), unnest($4::text[]), unnest($5::text[]),
  unnest($6::text[]), unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]),
  unnest($11::text[]), unnest($12::bytea[]), unnest($13::text[]), unnest($14::text[]), unnest($15::bigint[]),
  unnest($16::bigint[]), unnest($17::bigint[]), unnest($18::bigint[]), unnest($19::bigint[]), unnest($20::bigint[]),
  unnest($21::bigint[])
ON CONFLICT (tenant, hour, row_key) DO UPDATE SET
  calls = u.calls + excluded.calls,
  released = u.released + excluded.released,
  blocked = u.blocked + excluded.blocked,
  cost_unknown = u.cost_unknown + excluded.cost_unknown,
  input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens,
  cost_nano = u.cost_nano + excluded.cost_nano;
