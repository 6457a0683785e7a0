-- By PostgreSQL's clock, so that a session ends on every node at once. $1 tenant, $2 hash, $3 seconds it may lie unused
SELECT m.id, m.email, m.name, m.role, s.expires_at, s.last_used_at < now() - interval '1 minute' AS unwritten
FROM member_sessions AS s JOIN members AS m ON m.tenant = s.tenant AND m.id = s.member
WHERE s.tenant = $1 AND s.hash = $2 AND s.expires_at > now() AND s.last_used_at > now() - make_interval(secs => $3)
  AND m.disabled_at IS NULL;
