-- The first hour of an environment in which anything happened: $1 tenant, $2 environment, in $3 to $4 (hours, half-open)
SELECT min(hour) AS hour FROM usage_hourly WHERE tenant = $1 AND environment = $2 AND hour >= $3 AND hour < $4;
