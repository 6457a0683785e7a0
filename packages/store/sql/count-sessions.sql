-- How many sessions were seen: of whole days from the roll-up of days, of the hours before them from that of hours.
-- $1 tenant, $2 environment, $3 $4 hours before the first whole day, $5 the first whole day
SELECT count(*) AS sessions
FROM (
  SELECT session
  FROM (
    SELECT session FROM usage_by_session WHERE tenant = $1 AND environment = $2 AND day >= $5 AND session IS NOT NULL
    UNION ALL
    SELECT session FROM usage_hourly WHERE tenant = $1 AND environment = $2 AND hour >= $3 AND hour < $4 AND session IS NOT NULL
  ) AS seen
  GROUP BY session
) AS each;
