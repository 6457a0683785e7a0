-- Adds a batch's usage to the lives of its sessions. Runs under the chain's lock, as upsert-usage-hourly.
INSERT INTO usage_of_sessions AS u (
  tenant, environment, session, day, first_hour, last_hour, calls, released, blocked, cost_unknown, input_tokens,
  output_tokens, cost_nano
)
SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]),
  unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
  unnest($11::bigint[]), unnest($12::bigint[]), unnest($13::bigint[])
ON CONFLICT (tenant, environment, session, day) DO UPDATE SET
  first_hour = least(u.first_hour, excluded.first_hour),
  last_hour = greatest(u.last_hour, excluded.last_hour),
  calls = u.calls + excluded.calls,
  released = u.released + excluded.released,
  blocked = u.blocked + excluded.blocked,
  cost_unknown = u.cost_unknown + excluded.cost_unknown,
  input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens,
  cost_nano = u.cost_nano + excluded.cost_nano;
