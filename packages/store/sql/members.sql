-- Members by id. $1 tenant, $2 after this id, $3 rows
SELECT id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, disabled_at, created_at, last_sign_in_at, version
FROM members WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3;
