-- A new one, or another question under its name; no row: there are $6 of them already. $1 tenant, $2 actor, $3 name, $4 page, $5 search
INSERT INTO saved_views (tenant, actor, name, page, search)
SELECT $1, $2, $3, $4, $5
WHERE (SELECT count(*) FROM saved_views WHERE tenant = $1 AND actor = $2 AND name <> $3) < $6
ON CONFLICT (tenant, actor, name) DO UPDATE SET page = excluded.page, search = excluded.search, saved_at = now()
RETURNING name, page, search, saved_at;
