-- $1 tenant, $2 ids of limits
SELECT DISTINCT environment FROM limits WHERE tenant = $1 AND id = ANY ($2::text[]);
