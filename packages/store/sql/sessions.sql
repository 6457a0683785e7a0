-- A page of sessions by their newest hour, newest first, then by name, with what they did since. From hour to hour, and in each only those that
-- were not seen later: what a page costs follows the hours it reaches back, not the sessions that there are.
-- $1 tenant, $2 environment, $3 since this hour, $4 and $5 behind this hour and this session of it, $6 rows
WITH page AS (
  -- As the hours come: a LATERAL with a LIMIT of its own is asked once an hour, and the last of them end the walk.
  SELECT h.hour, seen.session
  FROM generate_series($4::bigint, $3::bigint, -1) AS h (hour)
  CROSS JOIN LATERAL (
    SELECT u.session FROM usage_hourly AS u
    WHERE u.tenant = $1 AND u.hour = h.hour AND u.environment = $2 AND u.session IS NOT NULL AND (h.hour < $4 OR u.session > $5)
      AND NOT EXISTS (
        SELECT FROM usage_hourly AS later
        WHERE later.tenant = $1 AND later.session = u.session AND later.environment = $2 AND later.hour > h.hour)
    GROUP BY u.session
    ORDER BY u.session
    LIMIT $6
  ) AS seen
  LIMIT $6
)
SELECT page.session, page.hour AS last_hour, used.*
FROM page
CROSS JOIN LATERAL (
  SELECT sum_whole(calls) AS calls, sum_whole(blocked) AS blocked, sum_whole(input_tokens) AS input_tokens, sum_whole(output_tokens) AS output_tokens,
    sum_whole(cost_nano) AS cost_nano
  FROM usage_hourly AS u
  WHERE u.tenant = $1 AND u.session = page.session AND u.environment = $2 AND u.hour >= $3
) AS used
ORDER BY page.hour DESC, page.session;
