-- Adds a batch's usage to the customers of its months, by what of the product called. Runs under the chain's lock, as upsert-usage-hourly.
INSERT INTO usage_by_customer_feature AS u (
  tenant, month, row_key, calls, released, blocked, cost_unknown, input_tokens,
  output_tokens, cost_nano, environment, customer, key, agent, feature, service, team
)
SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::bytea[]), unnest($4::bigint[]), unnest($5::bigint[]),
  unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
  unnest($11::text[]), unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]),
  unnest($16::text[]), unnest($17::text[])
ON CONFLICT (tenant, month, row_key) DO UPDATE SET
  calls = u.calls + excluded.calls,
  released = u.released + excluded.released,
  blocked = u.blocked + excluded.blocked,
  cost_unknown = u.cost_unknown + excluded.cost_unknown,
  input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens,
  cost_nano = u.cost_nano + excluded.cost_nano;
