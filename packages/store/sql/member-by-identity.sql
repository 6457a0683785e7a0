-- $1 tenant, $2 issuer, $3 subject
SELECT id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, disabled_at, created_at, last_sign_in_at, version
FROM members WHERE tenant = $1 AND issuer = $2 AND subject = $3;
