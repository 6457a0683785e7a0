-- Also notes that the member signed in. $1 tenant, $2 hash, $3 member, $4 seconds until it ends whatever is done with it
WITH seen AS (
  UPDATE members SET last_sign_in_at = now() WHERE tenant = $1 AND id = $3 AND disabled_at IS NULL RETURNING id
)
INSERT INTO member_sessions (tenant, hash, member, expires_at)
SELECT $1, $2, id, now() + make_interval(secs => $4) FROM seen
RETURNING expires_at;
