-- $1 tenant, $2 seconds they may lie unused
DELETE FROM member_sessions WHERE tenant = $1 AND (expires_at <= now() OR last_used_at <= now() - make_interval(secs => $2));
