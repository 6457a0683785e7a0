-- $1 tenant, $2 ids
UPDATE blocks SET scope = 'user' WHERE tenant = $1 AND id = ANY ($2::text[]) AND lifted_at IS NOT NULL;
