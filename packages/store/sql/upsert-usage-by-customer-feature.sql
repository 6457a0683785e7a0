-- Adds a batch's usage to the customers of its months, by what of the product called. Runs under the chain's lock, as upsert-usage-hourly.
INSERT INTO usage_by_customer_feature AS u (
  tenant, month, row_key, calls, released, blocked, cost_unknown, input_tokens,
  output_tokens, cost_nano, environment, customer, key, agent, feature, service, team
)
SELECT * FROM unnest(
  $1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[]
)
ON CONFLICT (tenant, month, row_key) DO UPDATE SET
  calls = u.calls + excluded.calls,
  released = u.released + excluded.released,
  blocked = u.blocked + excluded.blocked,
  cost_unknown = u.cost_unknown + excluded.cost_unknown,
  input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens,
  cost_nano = u.cost_nano + excluded.cost_nano;
