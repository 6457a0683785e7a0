-- No row: another member has the address, or the identity. $1 tenant, $2 id, $3 e-mail address, $4 name, $5 role, $6 password hash,
-- $7 invitation hash, $8 invitation until, $9 issuer, $10 subject
INSERT INTO members (tenant, id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
ON CONFLICT DO NOTHING
RETURNING id, email, name, role, password_hash, invitation_hash, invitation_until, issuer, subject, disabled_at, created_at, last_sign_in_at, version;
