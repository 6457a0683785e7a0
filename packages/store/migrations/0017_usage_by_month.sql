-- contract: usage_by_user is gone, and a server that does not know the tables below would leave its calls out of them.
-- Months beside the days of 0014, for what is asked of long ranges: users, and customers by model or by what called. A month of them has
-- a thirtieth of the rows that its hours have. The recorder adds to them in the transaction of the entries.

-- By day, user and what of the product called, in place of usage_by_user: the five depend on each other, and a user has few a day, so
-- it is hardly longer, costs the recorder no more, and knows who used a feature.
CREATE TABLE usage_by_user_feature (
  tenant uuid NOT NULL,
  -- Whole days since 1970 UTC.
  day bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  user_pseudonym bytea,
  key text,
  agent text,
  feature text,
  service text,
  team text,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, day, row_key)
) WITH (fillfactor = 80);

-- By month and user; calls without one are in a row too.
CREATE TABLE usage_by_user_monthly (
  tenant uuid NOT NULL,
  -- The whole hour since 1970 UTC at which the month begins, UTC.
  month bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  user_pseudonym bytea,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, month, row_key)
) WITH (fillfactor = 80);

-- By month, customer and model.
CREATE TABLE usage_by_customer_model (
  tenant uuid NOT NULL,
  month bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  customer text,
  provider text,
  model text,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, month, row_key)
) WITH (fillfactor = 80);

-- By month, customer and what of the product called.
CREATE TABLE usage_by_customer_feature (
  tenant uuid NOT NULL,
  month bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  customer text,
  key text,
  agent text,
  feature text,
  service text,
  team text,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, month, row_key)
) WITH (fillfactor = 80);

-- What the roll-ups hold already. The months of a day and of an hour; row keys as in 0014.
INSERT INTO usage_by_user_feature
SELECT tenant, hour / 24, substr(sha256(convert_to(jsonb_build_array(environment, encode(user_pseudonym, 'hex'), key, agent, feature, service, team)::text, 'UTF8')), 1, 16), environment, user_pseudonym, key, agent, feature, service, team, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, hour / 24, environment, user_pseudonym, key, agent, feature, service, team;

INSERT INTO usage_by_user_monthly
SELECT tenant, (extract(epoch FROM date_trunc('month', to_timestamp(day * 86400) AT TIME ZONE 'UTC')) / 3600)::bigint AS month, substr(sha256(convert_to(jsonb_build_array(environment, encode(user_pseudonym, 'hex'))::text, 'UTF8')), 1, 16), environment, user_pseudonym, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_by_user_feature
GROUP BY tenant, 2, environment, user_pseudonym;

INSERT INTO usage_by_customer_model
SELECT tenant, (extract(epoch FROM date_trunc('month', to_timestamp(hour * 3600) AT TIME ZONE 'UTC')) / 3600)::bigint AS month, substr(sha256(convert_to(jsonb_build_array(environment, customer, provider, model)::text, 'UTF8')), 1, 16), environment, customer, provider, model, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, 2, environment, customer, provider, model;

INSERT INTO usage_by_customer_feature
SELECT tenant, (extract(epoch FROM date_trunc('month', to_timestamp(hour * 3600) AT TIME ZONE 'UTC')) / 3600)::bigint AS month, substr(sha256(convert_to(jsonb_build_array(environment, customer, key, agent, feature, service, team)::text, 'UTF8')), 1, 16), environment, customer, key, agent, feature, service, team, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, 2, environment, customer, key, agent, feature, service, team;

DROP TABLE usage_by_user;

-- Only the recorder adds to them.
SELECT guard_tenant_table('usage_by_user_feature', 'SELECT');
SELECT guard_tenant_table('usage_by_user_monthly', 'SELECT');
SELECT guard_tenant_table('usage_by_customer_model', 'SELECT');
SELECT guard_tenant_table('usage_by_customer_feature', 'SELECT');
