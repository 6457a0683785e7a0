-- What an imported chain says was purged. $1 tenant, $2 environment, $3 from and $4 before (microseconds), $5 the entry, $6 its sequence
INSERT INTO purged_details (tenant, environment, from_us, before_us, entry, entries, payloads, after_sequence, cleared_to)
VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6);
