-- Usage in [from, to) by any axes: whole hours from the roll-up, what sticks out at either end from the ledger itself, so the
-- answer is exact to the microsecond and its cost does not grow with the ledger. An axis that was not asked for is NULL in
-- every row and so splits nothing.
-- $1 tenant, $2 $3 whole hours, $4 $5 and $6 $7 the ends in microseconds, $8 axes, $9 environment or NULL
WITH source AS (
  SELECT hour, environment, provider, model, key, session, agent, feature, service, user_pseudonym, team,
    customer, calls, blocked, input_tokens, output_tokens, cost_nano
  FROM usage_hourly
  WHERE tenant = $1 AND hour >= $2 AND hour < $3 AND ($9::text IS NULL OR environment = $9)
  UNION ALL
  SELECT time_us / 3600000000, environment, provider, model, key, session, agent, feature, service, user_pseudonym, team,
    customer, (type IN (2, 4, 5))::int, blocked_calls, input_tokens, output_tokens, amount_nano
  FROM ledger_entries
  WHERE tenant = $1 AND time_us >= $4 AND time_us < $5 AND type NOT IN (1, 7, 8, 9)
    AND ($9::text IS NULL OR environment = $9)
  UNION ALL
  SELECT time_us / 3600000000, environment, provider, model, key, session, agent, feature, service, user_pseudonym, team,
    customer, (type IN (2, 4, 5))::int, blocked_calls, input_tokens, output_tokens, amount_nano
  FROM ledger_entries
  WHERE tenant = $1 AND time_us >= $6 AND time_us < $7 AND type NOT IN (1, 7, 8, 9)
    AND ($9::text IS NULL OR environment = $9)
), grouped AS (
  SELECT
    CASE WHEN 'environment' = ANY ($8) THEN environment END AS g_environment,
    CASE WHEN 'provider' = ANY ($8) THEN provider END AS g_provider,
    CASE WHEN 'model' = ANY ($8) THEN model END AS g_model,
    CASE WHEN 'key' = ANY ($8) THEN key END AS g_key,
    CASE WHEN 'session' = ANY ($8) THEN session END AS g_session,
    CASE WHEN 'agent' = ANY ($8) THEN agent END AS g_agent,
    CASE WHEN 'feature' = ANY ($8) THEN feature END AS g_feature,
    CASE WHEN 'service' = ANY ($8) THEN service END AS g_service,
    CASE WHEN 'team' = ANY ($8) THEN team END AS g_team,
    CASE WHEN 'customer' = ANY ($8) THEN customer END AS g_customer,
    CASE WHEN 'user' = ANY ($8) THEN user_pseudonym END AS g_user,
    CASE WHEN 'hour' = ANY ($8) THEN hour END AS g_hour,
    CASE WHEN 'day' = ANY ($8) THEN hour / 24 END AS g_day,
    CASE WHEN 'month' = ANY ($8) THEN to_char(to_timestamp(hour * 3600) AT TIME ZONE 'UTC', 'YYYY-MM') END AS g_month,
    sum(calls) AS calls, sum(blocked) AS blocked, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nano) AS cost_nano
  FROM source
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
)
SELECT g_environment AS environment, g_provider AS provider, g_model AS model, g_key AS key, g_session AS session, g_agent AS agent, g_feature AS feature, g_service AS service, g_team AS team, g_customer AS customer,
  coalesce(u.readable, encode(g_user, 'hex')) AS "user",
  to_char(to_timestamp(g_hour * 3600) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS hour,
  to_char(to_timestamp(g_day * 86400) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
  g_month AS month, calls, blocked, input_tokens, output_tokens, cost_nano
FROM grouped
LEFT JOIN users AS u ON u.tenant = $1 AND u.pseudonym = g_user
ORDER BY g_hour, g_day, g_month, cost_nano DESC, g_environment, g_provider, g_model, g_key, g_session, g_agent, g_feature, g_service, g_team, g_customer, g_user;
