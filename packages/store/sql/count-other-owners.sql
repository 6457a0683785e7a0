-- Owners beside this one who can sign in. $1 tenant, $2 id
SELECT count(*)::int AS owners FROM members
WHERE tenant = $1 AND id <> $2 AND role = 'owner' AND disabled_at IS NULL AND (password_hash IS NOT NULL OR subject IS NOT NULL);
