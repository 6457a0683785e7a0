-- $1 tenant, $2 environment, $3 id, $4 version, $5 session, $6 slots
INSERT INTO starting_counters (tenant, environment, id, version, session, slots) VALUES ($1, $2, $3, $4, $5, $6::text[]);
