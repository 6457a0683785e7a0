-- Of one who asks, by name. $1 tenant, $2 actor
SELECT name, page, search, saved_at FROM saved_views WHERE tenant = $1 AND actor = $2 ORDER BY name;
