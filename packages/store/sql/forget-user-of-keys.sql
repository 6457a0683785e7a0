-- A revoked key lets nobody in, so that it need not say as whom. $1 tenant, $2 ids
UPDATE api_keys SET rules = rules #- '{fixed,user}' WHERE tenant = $1 AND id = ANY ($2::text[]) AND revoked_at IS NOT NULL;
