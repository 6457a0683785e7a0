-- No row: it is not at that version. $1 tenant, $2 id, $3 version that was read, $4 name, $5 role, $6 password hash, $7 invitation hash,
-- $8 invitation until, $9 disabled?
UPDATE members SET name = $4, role = $5, password_hash = $6, invitation_hash = $7, invitation_until = $8,
  disabled_at = CASE WHEN $9 THEN coalesce(disabled_at, now()) END, version = version + 1
WHERE tenant = $1 AND id = $2 AND version = $3
RETURNING id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, disabled_at, created_at, last_sign_in_at, version;
