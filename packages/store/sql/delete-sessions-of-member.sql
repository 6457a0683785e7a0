-- $1 tenant, $2 member
DELETE FROM member_sessions WHERE tenant = $1 AND member = $2;
