-- $1 tenant, $2 hash
DELETE FROM member_sessions WHERE tenant = $1 AND hash = $2;
