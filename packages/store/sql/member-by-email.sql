-- $1 tenant, $2 e-mail address in lower case
SELECT id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, disabled_at, created_at, last_sign_in_at, version
FROM members WHERE tenant = $1 AND email = $2;
