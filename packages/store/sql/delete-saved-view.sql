-- $1 tenant, $2 actor, $3 name
DELETE FROM saved_views WHERE tenant = $1 AND actor = $2 AND name = $3 RETURNING name;
