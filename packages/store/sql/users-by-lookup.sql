-- `n`: which of them, from 1. Two that are asked for can be one user.
SELECT wanted.n::integer AS n, u.pseudonym
FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY AS wanted (tenant, lookup, n)
JOIN users AS u ON u.tenant = wanted.tenant AND u.lookup = wanted.lookup;
