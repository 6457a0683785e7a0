-- Coarser roll-ups beside usage_hourly, which many sessions and users make nearly as long as the ledger. The recorder adds to all of
-- them in one transaction, so that each answers the same sums.

-- By hour and what was run: no session, user or customer. Its length follows the hours, not the calls.
CREATE TABLE usage_by_workload (
  tenant uuid NOT NULL,
  -- Whole hours since 1970 UTC.
  hour bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  provider text,
  model text,
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
  PRIMARY KEY (tenant, hour, row_key)
) WITH (fillfactor = 80);

-- The same by day: whole days since 1970 UTC.
CREATE TABLE usage_by_workload_daily (LIKE usage_by_workload);
ALTER TABLE usage_by_workload_daily RENAME COLUMN hour TO day;
ALTER TABLE usage_by_workload_daily ADD PRIMARY KEY (tenant, day, row_key);
ALTER TABLE usage_by_workload_daily SET (fillfactor = 80);

-- By day and session, user, or customer alone; calls that have none are in a row too, so that each table sums to everything. Without
-- models: a user has a few a day, and each would be a row.
CREATE TABLE usage_by_session (
  tenant uuid NOT NULL,
  day bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  session text,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, day, row_key)
) WITH (fillfactor = 80);
CREATE TABLE usage_by_user (
  tenant uuid NOT NULL,
  day bigint NOT NULL,
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
  PRIMARY KEY (tenant, day, row_key)
) WITH (fillfactor = 80);
CREATE TABLE usage_by_customer (
  tenant uuid NOT NULL,
  day bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  customer text,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, day, row_key)
) WITH (fillfactor = 80);

-- sum(bigint) keeps 128 bits and more for each group: twice the time and three times the memory over a million of them. This one fails
-- with "bigint out of range" beyond nine billion dollars, and never wraps.
CREATE AGGREGATE sum_whole (bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE);

-- What the ledger holds already, from the hourly roll-up. A row key has only to be unique: where the recorder goes on in the hour or day of a
-- row made here, there are two rows of the same axes, and sums do not mind.
INSERT INTO usage_by_workload
SELECT tenant, hour, substr(sha256(convert_to(jsonb_build_array(environment, provider, model, key, agent, feature, service, team)::text, 'UTF8')), 1, 16), environment, provider, model, key, agent, feature, service, team, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, hour, environment, provider, model, key, agent, feature, service, team;

INSERT INTO usage_by_workload_daily
SELECT tenant, hour / 24, substr(sha256(convert_to(jsonb_build_array(environment, provider, model, key, agent, feature, service, team)::text, 'UTF8')), 1, 16), environment, provider, model, key, agent, feature, service, team, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_by_workload
GROUP BY tenant, hour / 24, environment, provider, model, key, agent, feature, service, team;

INSERT INTO usage_by_session
SELECT tenant, hour / 24, substr(sha256(convert_to(jsonb_build_array(environment, session)::text, 'UTF8')), 1, 16), environment, session, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, hour / 24, environment, session;

INSERT INTO usage_by_user
SELECT tenant, hour / 24, substr(sha256(convert_to(jsonb_build_array(environment, encode(user_pseudonym, 'hex'))::text, 'UTF8')), 1, 16), environment, user_pseudonym, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, hour / 24, environment, user_pseudonym;

INSERT INTO usage_by_customer
SELECT tenant, hour / 24, substr(sha256(convert_to(jsonb_build_array(environment, customer)::text, 'UTF8')), 1, 16), environment, customer, sum(calls), sum(released), sum(blocked), sum(cost_unknown), sum(input_tokens), sum(output_tokens), sum(cost_nano)
FROM usage_hourly
GROUP BY tenant, hour / 24, environment, customer;

-- Only the recorder adds to them.
SELECT guard_tenant_table('usage_by_workload', 'SELECT');
SELECT guard_tenant_table('usage_by_workload_daily', 'SELECT');
SELECT guard_tenant_table('usage_by_session', 'SELECT');
SELECT guard_tenant_table('usage_by_user', 'SELECT');
SELECT guard_tenant_table('usage_by_customer', 'SELECT');
