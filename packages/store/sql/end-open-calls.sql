-- Calls that ended elsewhere than at their node, which is told, some hundred at a time: a notification holds 8,000 bytes.
-- $1 decisions, $2 channel
WITH ended AS (
  UPDATE open_calls SET ended_at = now() WHERE decision = ANY ($1::uuid[]) AND ended_at IS NULL
), numbered AS (
  SELECT replace(decision::text, '-', '') AS decision, (row_number() OVER () - 1) / 100 AS part FROM unnest($1::uuid[]) AS decision
)
SELECT pg_notify($2, string_agg(decision, ',')) FROM numbered GROUP BY part;
