INSERT INTO users (tenant, lookup, salt, pseudonym, readable)
SELECT unnest($1::uuid[]), unnest($2::bytea[]), unnest($3::bytea[]), unnest($4::bytea[]), unnest($5::text[]);
