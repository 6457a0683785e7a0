INSERT INTO users (tenant, lookup, salt, pseudonym, readable)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[]);
