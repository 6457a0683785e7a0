-- contract: usage_by_session is gone, and a recorder of the release before would find nothing to add to.
-- A row for the whole life of a session, in place of one for each of its days. Of sessions that lie inside a range nothing is left to group, and
-- grouping a million of them took a second and a half. Those that stick out of the range are summed from their hours.
CREATE TABLE usage_of_sessions (
  tenant uuid NOT NULL,
  environment text,
  -- null = calls without one, which live for a day.
  session text,
  -- Of calls without a session; null = the row of a session.
  day bigint,
  -- The whole hours since 1970 UTC of its first and its last call.
  first_hour bigint NOT NULL,
  last_hour bigint NOT NULL,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL
) WITH (fillfactor = 80);

-- What the hourly roll-up holds already, the first ones first: rows that lived at the same time lie beside each other.
INSERT INTO usage_of_sessions
SELECT tenant, environment, session, CASE WHEN session IS NULL THEN hour / 24 END AS day, min(hour) AS first_hour, max(hour), sum_whole(calls), sum_whole(released),
  sum_whole(blocked), sum_whole(cost_unknown), sum_whole(input_tokens), sum_whole(output_tokens), sum_whole(cost_nano)
FROM usage_hourly
GROUP BY tenant, environment, session, 4
ORDER BY first_hour;

-- One row each: a report does not group them again.
CREATE UNIQUE INDEX usage_of_sessions_once ON usage_of_sessions (tenant, environment, session, day) NULLS NOT DISTINCT;
-- Of a range only the blocks are read whose sessions lived in it. A summary, so that adding to a row moves nothing in an index.
CREATE INDEX usage_of_sessions_by_hours ON usage_of_sessions USING brin (first_hour, last_hour) WITH (pages_per_range = 16, autosummarize = on);

-- Only the recorder adds to it.
SELECT guard_tenant_table('usage_of_sessions', 'SELECT');

DROP TABLE usage_by_session;
CREATE OR REPLACE FUNCTION rollups_by_month() RETURNS TABLE (rollup text, period text, seconds bigint) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('usage_hourly', 'hour', 3600::bigint), ('usage_by_workload', 'hour', 3600), ('usage_by_workload_daily', 'day', 86400),
    ('usage_by_user_feature', 'day', 86400), ('usage_by_user_monthly', 'month', 3600),
    ('usage_by_customer', 'day', 86400), ('usage_by_customer_model', 'month', 3600), ('usage_by_customer_feature', 'month', 3600)
$$;
