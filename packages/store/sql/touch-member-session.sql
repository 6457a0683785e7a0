-- $1 tenant, $2 hash
UPDATE member_sessions SET last_used_at = now() WHERE tenant = $1 AND hash = $2;
