-- $1 tenant, $2 lookup
DELETE FROM users WHERE tenant = $1 AND lookup = $2 RETURNING pseudonym;
