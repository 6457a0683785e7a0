-- Versions of limits that are no more. $1 tenant, $2 ids
UPDATE limit_versions AS v SET scope = 'user'
WHERE v.tenant = $1 AND v.id = ANY ($2::text[]) AND NOT EXISTS (SELECT FROM limits AS l WHERE l.tenant = v.tenant AND l.id = v.id);
