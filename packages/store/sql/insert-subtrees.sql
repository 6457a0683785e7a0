-- $1 tenant, then arrays of level, index, hash.
INSERT INTO ledger_subtrees (tenant, level, index, hash)
SELECT $1, t.* FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS t
ON CONFLICT (tenant, level, index) DO NOTHING;
