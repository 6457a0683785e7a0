SELECT u.tenant::text, u.lookup, u.pseudonym
FROM unnest($1::uuid[], $2::bytea[]) AS wanted (tenant, lookup)
JOIN users AS u ON u.tenant = wanted.tenant AND u.lookup = wanted.lookup;
