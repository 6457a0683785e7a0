-- $1 tenant, $2 lookup
SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $2;
